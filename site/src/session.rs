//! What the user typed into the connection panel, and how it stands in the address bar.

use conjoin::Session;
use leptos::prelude::*;

use crate::browser;
use crate::input::{check_name, check_room, check_server};
use crate::link::{Link, default_server, is_loopback};

/// The room of a visitor who came without a link.
const DEMO_ROOM: &str = "conjoin-demo";
const NAME_KEY: &str = "conjoin-name";

/// The session to be, as long as it can still be edited.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    /// The room, as typed.
    pub(crate) room: RwSignal<String>,
    /// The display name, as typed.
    pub(crate) name: RwSignal<String>,
    /// The signaling server, as typed.
    pub(crate) server: RwSignal<String>,
    /// Whether the page came over https, and so may only use encrypted servers.
    secure_page: bool,
    /// Whether the name came with the address, where it then stays. Otherwise the browser
    /// remembers it.
    name_in_address: bool,
}

impl Draft {
    /// The draft that the address of the page asks for, and whether it asks to join at once.
    pub(crate) fn from_address() -> (Self, bool) {
        let address = browser::address();
        let link = Link::parse(&address.query);
        let joins = link.joins_at_once();
        let draft = Self {
            name_in_address: link.name.is_some(),
            name: RwSignal::new(link.name.or_else(|| browser::recall(NAME_KEY)).unwrap_or_default()),
            room: RwSignal::new(link.room.unwrap_or_else(|| DEMO_ROOM.to_owned())),
            server: RwSignal::new(link.server.unwrap_or_else(page_server)),
            secure_page: address.protocol == "https:",
        };
        (draft, joins)
    }

    /// What is wrong with the room; empty if nothing is.
    pub(crate) fn room_error(self) -> String {
        check_room(&self.room.get()).err().unwrap_or_default()
    }

    /// What is wrong with the name; empty if nothing is.
    pub(crate) fn name_error(self) -> String {
        check_name(&self.name.get()).err().unwrap_or_default()
    }

    /// What is wrong with the server; empty if nothing is.
    pub(crate) fn server_error(self) -> String {
        check_server(self.server.get().trim(), self.secure_page).err().unwrap_or_default()
    }

    /// The session, if nothing is wrong with any field.
    pub(crate) fn session(self) -> Option<Session> {
        let errors = [self.room_error(), self.name_error(), self.server_error()];
        errors.iter().all(String::is_empty).then(|| self.unchecked_session())
    }

    /// The session whatever is in the fields: for a room that is not to be connected yet.
    pub(crate) fn unchecked_session(self) -> Session {
        let name = self.name.get().trim().to_owned();
        Session {
            server: self.server.get().trim().to_owned(),
            room: self.room.get().trim().to_owned(),
            name: (!name.is_empty()).then_some(name),
        }
    }

    /// Remembers the name for the next visit, unless it belongs to the address.
    pub(crate) fn remember_name(self) {
        if !self.name_in_address {
            browser::remember(NAME_KEY, self.name.get_untracked().trim());
        }
    }

    /// Writes a session into the address bar, so that a reload comes back to it; joining at once
    /// or not.
    pub(crate) fn write_address(self, session: &Session, stay_offline: bool) {
        let name = session.name.clone().filter(|_| self.name_in_address);
        browser::replace_query(&Link { name, stay_offline, ..invitation(session) }.to_query());
    }
}

/// The full address that brings others into the session's room.
pub(crate) fn invitation_url(session: &Session) -> String {
    page_url() + &invitation(session).to_query()
}

/// The address of this page, without what it says about the room.
pub(crate) fn page_url() -> String {
    let address = browser::address();
    format!("{}//{}{}", address.protocol, address.host, address.path)
}

/// Whether links to this page work on this machine only.
pub(crate) fn page_is_local() -> bool {
    is_loopback(&browser::address().host)
}

fn invitation(session: &Session) -> Link {
    let server = (session.server != page_server()).then(|| session.server.clone());
    Link { room: Some(session.room.clone()), server, name: None, stay_offline: false }
}

fn page_server() -> String {
    let address = browser::address();
    default_server(&address.protocol, &address.host)
}
