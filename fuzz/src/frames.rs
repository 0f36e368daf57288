//! Frames from a peer, on both channels of a link that is up.

use std::time::Duration;

use arbitrary::{Result, Unstructured};
use conjoin_peer::{Channel, Input, LinkId, LinkState, Output, Session};
use conjoin_signaling::{PeerEntry, ServerMessage};

use crate::documents::others_can_follow;
use crate::link::{Driver, OWN, Remote, closed, problem};

const LINK: LinkId = LinkId(0);

/// Kinds of messages that there are.
const KINDS: std::ops::RangeInclusive<u8> = 1..=12;

struct Scene {
    driver: Driver,
    remote: Remote,
    said_hello: bool,
    /// Whether a message on the bulk channel is not at its end yet.
    partial: bool,
    closed: bool,
}

/// A session with a peer that sends what the bytes say: honest messages, damaged ones, anything.
pub fn frames(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let Ok(first) = input.arbitrary::<u8>() else { return };
    let mut scene = Scene::new(first);
    while !input.is_empty() && !scene.closed {
        if scene.step(&mut input).is_err() {
            break;
        }
    }
    scene.finish();
}

impl Scene {
    /// The link is up. Unless `first` says otherwise, so is the session, and the document is small.
    fn new(first: u8) -> Self {
        let mut driver = Driver::new("a");
        let session = Session { server: "ws://s".into(), room: "r".into(), name: None };
        driver.input(Input::Connect(session));
        driver.input(Input::SignalingOpened);
        let peers = ServerMessage::Peers {
            room_id: "r".into(),
            peers: vec![PeerEntry { id: "z".into(), name: None }],
            ice_servers: Vec::new(),
            resume_token: None,
        };
        driver.input(Input::SignalingMessage(peers.to_json()));
        driver.edit(None);
        if first & 1 != 0 {
            // Too long for one frame.
            driver.edit(Some("x".repeat(20_000)));
        }
        if first & 2 != 0 {
            // Only a snapshot helps.
            driver.doc.set_history_limit(0);
        }
        driver.input(Input::Link { link: LINK, state: LinkState::Connected });
        driver.input(Input::ChannelOpened { link: LINK, channel: Channel::Bulk });
        if first & 4 == 0 {
            driver.input(Input::ChannelOpened { link: LINK, channel: Channel::Live });
        }
        let mut scene =
            Self { driver, remote: Remote::new(66), said_hello: false, partial: false, closed: false };
        if first & 8 == 0 {
            scene.message(Channel::Bulk, scene.remote.hello());
            scene.message(Channel::Bulk, scene.remote.define());
        }
        scene
    }

    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let channel = if input.arbitrary()? { Channel::Live } else { Channel::Bulk };
        let message = match input.int_in_range(0..=14u8)? {
            0 => return self.raw(channel, &take(input)?),
            1 => [vec![input.int_in_range(KINDS)?], take(input)?].concat(),
            2..=4 => {
                let name = *input.choose(&["n", OWN, "m"])?;
                self.remote.edit(input.arbitrary()?, name, input.arbitrary()?)
            }
            5 => self.remote.version(*input.choose(&[4, 6, 7, 10])?),
            6 if input.arbitrary()? => self.remote.state(),
            6 => self.remote.snapshot(),
            7 => match input.int_in_range(0..=2u8)? {
                0 => self.remote.heartbeat(self.driver.doc.version().digest()),
                1 => self.remote.heartbeat(input.arbitrary()?),
                _ => vec![9, input.int_in_range(0..=20)?],
            },
            8 => {
                self.driver.edit(input.arbitrary::<bool>()?.then(|| "own".repeat(400)));
                return Ok(());
            }
            9 => {
                self.driver.pass(Duration::from_millis(input.arbitrary::<u16>()?.into()));
                self.closed = !self.driver.links.contains_key(&LINK);
                return Ok(());
            }
            10 => {
                if self.driver.links.get(&LINK).is_some_and(|link| link.awaits) {
                    self.driver.input(Input::Writable { link: LINK });
                }
                return Ok(());
            }
            11 => {
                let seen = self.driver.doc.delta_since(self.remote.doc.version());
                let snapshot = self.driver.doc.snapshot();
                // It keeps up with us: by what we would send, or by our state.
                match seen {
                    Ok(delta) => drop(self.remote.doc.apply(&delta)),
                    Err(_) => drop(self.remote.doc.merge_snapshot(&snapshot)),
                }
                return Ok(());
            }
            12 => [vec![2], take(input)?].concat(),
            13 => vec![12, 1, input.int_in_range(0..=2)?, 1, input.int_in_range(0..=2)?],
            _ => self.remote.hello(),
        };
        let message = damaged(message, input)?;
        self.message(channel, message);
        Ok(())
    }

    /// A message, in as many frames as it needs.
    fn message(&mut self, channel: Channel, mut message: Vec<u8>) {
        if channel == Channel::Bulk && message.len() > 600 {
            let rest = [vec![0x40], message.split_off(500)].concat();
            message[0] |= 0x80;
            self.frame(channel, message);
            message = rest;
        }
        if !self.closed {
            self.frame(channel, message);
        }
    }

    fn raw(&mut self, channel: Channel, frame: &[u8]) -> Result<()> {
        self.frame(channel, frame.to_vec());
        Ok(())
    }

    fn frame(&mut self, channel: Channel, data: Vec<u8>) {
        if !self.driver.links[&LINK].open.contains(&channel) {
            return;
        }
        let first = data.first().copied();
        let impossible = match channel {
            Channel::Live => self.said_hello && !first.is_some_and(|kind| KINDS.contains(&kind)),
            Channel::Bulk => {
                let out_of_place = first.is_none_or(|kind| (kind & 0x40 != 0) != self.partial);
                self.partial = first.is_some_and(|kind| kind & 0x80 != 0);
                out_of_place
            }
        };
        let outputs = self.driver.input(Input::Frame { link: LINK, channel, data: data.clone() });
        self.closed = closed(&outputs, LINK);
        self.said_hello |= self.driver.manager.peers().iter().any(|peer| peer.replica.is_some());
        assert!(self.closed || !impossible, "what cannot be is refused: {first:?}");
        if self.closed {
            assert!(problem(&outputs) || goodbye(&outputs), "the user is told why the link was closed");
            let late = self.driver.input(Input::Frame { link: LINK, channel, data });
            assert_eq!(late, [], "who was disconnected is not heard");
        }
    }

    /// Whatever came, our own edits are there, and others can follow.
    fn finish(mut self) {
        self.driver.edit(None);
        self.driver.own_edits_survive();
        others_can_follow(&self.driver.doc);
    }
}

/// Whether the peer said that it leaves.
fn goodbye(outputs: &[Output]) -> bool {
    outputs.iter().any(|output| match output {
        Output::Event(conjoin_peer::Event::Wire(wire)) => wire.message == "Goodbye",
        _ => false,
    })
}

/// A few bytes.
pub(crate) fn take(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let len = input.int_in_range(0..=40)?.min(input.len());
    input.bytes(len).map(<[u8]>::to_vec)
}

/// The message as it is, or with a byte changed, added or cut.
pub(crate) fn damaged(mut message: Vec<u8>, input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    if input.ratio(3, 4)? {
        return Ok(message);
    }
    let at = input.choose_index(message.len())?;
    match input.int_in_range(0..=3u8)? {
        0 => message[at] = input.arbitrary()?,
        1 => message[at] ^= 1 << input.int_in_range(0..=7u8)?,
        2 => message.insert(at, input.arbitrary()?),
        _ => message.truncate(at),
    }
    Ok(message)
}
