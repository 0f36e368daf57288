//! All that can happen to a manager, in any order.

use std::collections::BTreeMap;
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use conjoin_peer::{Channel, Input, LinkId, LinkState, Session};
use conjoin_signaling::{Candidate, Description, ErrorCode, IceServer, PeerEntry, ServerMessage};

use crate::frames::{damaged, take};
use crate::link::{Driver, OWN, Remote};

/// Who may be in the room; the second is the manager itself.
const IDS: [&str; 4] = ["a", "m", "x", "z"];
const ROOMS: [&str; 2] = ["r", "other"];

struct World {
    driver: Driver,
    /// Whoever is at the other end of a link that is open.
    remotes: BTreeMap<LinkId, Remote>,
}

/// A history of inputs, mostly such as a driver, a server and peers would bring about.
pub fn manager(data: &[u8]) {
    let mut world = World { driver: Driver::new("m"), remotes: BTreeMap::new() };
    let mut input = Unstructured::new(data);
    while !input.is_empty() {
        if world.step(&mut input).is_err() {
            break;
        }
    }
    world.finish();
}

impl World {
    fn step(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let next = match input.int_in_range(0..=19u8)? {
            0 => Input::Connect(Session {
                server: "ws://s".into(),
                room: (*input.choose(&ROOMS)?).into(),
                name: input.arbitrary::<bool>()?.then(|| "Ada".into()),
            }),
            1 => match input.int_in_range(0..=4u8)? {
                0 => Input::Disconnect,
                1 => Input::NetworkChanged,
                2 => Input::SignalingClosed { reason: "gone".into() },
                _ => Input::SignalingOpened,
            },
            2 => Input::SignalingOpened,
            3..=6 => Input::SignalingMessage(self.server(input)?),
            7 => Input::Described { link: self.link(input)?, description: "sdp".into() },
            8 => Input::Candidate { link: self.link(input)?, candidate: "here".into() },
            9 => Input::Link {
                link: self.link(input)?,
                state: *input.choose(&[LinkState::Connected, LinkState::Disconnected, LinkState::Failed])?,
            },
            10 => {
                let link = self.link(input)?;
                match input.int_in_range(0..=2u8)? {
                    0 => Input::LinkFailed { link, error: "no".into() },
                    1 => Input::ChannelClosed { link, channel: channel(input)? },
                    _ => Input::Writable { link },
                }
            }
            11 => return self.come_up(input),
            12 => Input::ChannelOpened { link: self.link(input)?, channel: channel(input)? },
            13..=15 => return self.frame(input),
            16 => {
                self.driver.edit(input.ratio(1, 8)?.then(|| "long".repeat(5000)));
                return Ok(());
            }
            17 => {
                let unit = *input.choose(&[1, 20, 1000])?;
                self.driver.pass(Duration::from_millis(unit * u64::from(input.arbitrary::<u8>()?)));
                return Ok(());
            }
            18 => Input::Timeout,
            _ => {
                self.driver.doc.set_history_limit(input.int_in_range(0..=1)? << 20);
                return Ok(());
            }
        };
        self.driver.input(next);
        Ok(())
    }

    /// Any link there ever was, rather one that is open.
    fn link(&self, input: &mut Unstructured<'_>) -> Result<LinkId> {
        let open: Vec<_> = self.driver.links.keys().copied().collect();
        if open.is_empty() || input.ratio(1, 8)? {
            return Ok(LinkId(input.int_in_range(0..=self.driver.next_link)?));
        }
        input.choose(&open).copied()
    }

    /// A link comes up on both channels, and the peer says Hello.
    fn come_up(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let link = self.link(input)?;
        self.driver.input(Input::Link { link, state: LinkState::Connected });
        for channel in [Channel::Live, Channel::Bulk] {
            self.driver.input(Input::ChannelOpened { link, channel });
        }
        let remote = Remote::new(100 + input.int_in_range(0..=3)?);
        for data in [remote.hello(), remote.define()] {
            self.driver.input(Input::Frame { link, channel: Channel::Bulk, data });
        }
        self.remotes.insert(link, remote);
        Ok(())
    }

    /// What the signaling server says.
    fn server(&self, input: &mut Unstructured<'_>) -> Result<String> {
        let room_id: String = if input.ratio(1, 8)? { ROOMS[1] } else { ROOMS[0] }.into();
        let id = |input: &mut Unstructured<'_>| -> Result<String> { Ok((*input.choose(&IDS)?).into()) };
        let message = match input.int_in_range(0..=8u8)? {
            0 | 1 => {
                let listed: u8 = input.arbitrary()?;
                let ids = IDS.iter().enumerate().filter(|(nth, _)| listed & (1 << nth) != 0);
                let peers = ids.map(|(_, id)| PeerEntry { id: (*id).into(), name: None }).collect();
                let ice = IceServer { urls: vec!["stun:s".into()], username: None, credential: None };
                let ice_servers = if listed & 16 != 0 { vec![ice] } else { Vec::new() };
                let resume_token = (listed & 32 != 0).then(|| "token".into());
                ServerMessage::Peers { room_id, peers, ice_servers, resume_token }
            }
            2 => ServerMessage::PeerJoined { room_id, peer_id: id(input)?, peer_name: None },
            3 => ServerMessage::PeerLeft { room_id, peer_id: id(input)? },
            4 => ServerMessage::Offer(self.description(id(input)?, input)?),
            5 => ServerMessage::Answer(self.description(id(input)?, input)?),
            6 => {
                let from = self.description(id(input)?, input)?;
                ServerMessage::IceCandidate(Candidate {
                    from_peer_id: from.from_peer_id,
                    to_peer_id: from.to_peer_id,
                    candidate: "there".into(),
                    connection: from.connection,
                })
            }
            7 => {
                use ErrorCode::{Full, IdTaken, NotJoined, Replaced, UnknownPeer};
                ServerMessage::error(*input.choose(&[Full, IdTaken, NotJoined, Replaced, UnknownPeer])?, "no")
            }
            _ => return Ok(String::from_utf8_lossy(&take(input)?).into_owned()),
        };
        Ok(message.to_json())
    }

    /// A description by a peer, of the last attempt to connect or another one.
    fn description(&self, from: String, input: &mut Unstructured<'_>) -> Result<Description> {
        let last = self.driver.attempts.get(&from).cloned().flatten();
        let connection = match input.int_in_range(0..=5u8)? {
            0 => None,
            1 => Some("first".into()),
            2 => Some("second".into()),
            _ => last,
        };
        Ok(Description { from_peer_id: from, to_peer_id: "m".into(), sdp: "sdp".into(), connection })
    }

    /// A frame from the peer at the other end of a link.
    fn frame(&mut self, input: &mut Unstructured<'_>) -> Result<()> {
        let link = self.link(input)?;
        let channel = channel(input)?;
        if !self.driver.links.get(&link).is_none_or(|link| link.open.contains(&channel)) {
            return Ok(());
        }
        let data = match self.remotes.get_mut(&link) {
            Some(remote) => {
                let message = match input.int_in_range(0..=7u8)? {
                    0..=2 => {
                        let name = *input.choose(&["n", OWN])?;
                        remote.edit(input.arbitrary()?, name, input.arbitrary()?)
                    }
                    3 => remote.version(*input.choose(&[4, 6, 7, 10])?),
                    4 => remote.snapshot(),
                    5 => remote.heartbeat(self.driver.doc.version().digest() ^ input.int_in_range(0..=1)?),
                    6 => vec![9, input.int_in_range(0..=20)?],
                    _ => vec![11],
                };
                damaged(message, input)?
            }
            None => take(input)?,
        };
        self.driver.input(Input::Frame { link, channel, data });
        Ok(())
    }

    /// Own edits survive, and after leaving nothing is left.
    fn finish(mut self) {
        self.driver.edit(None);
        self.driver.own_edits_survive();
        self.driver.input(Input::Disconnect);
        assert!(self.driver.links.is_empty(), "all links are closed");
        assert!(self.driver.manager.peers().is_empty() && self.driver.manager.deadline().is_none());
    }
}

fn channel(input: &mut Unstructured<'_>) -> Result<Channel> {
    Ok(if input.arbitrary()? { Channel::Live } else { Channel::Bulk })
}
