//! A manager with its document, and a way to say what it does.

use std::time::Duration;

use conjoin_core::{Doc, ReplicaId};
use conjoin_peer::{Channel, Input, LinkId, LinkState, Manager, Output, Session};
use conjoin_signaling::{Candidate, ClientMessage, Description, PeerEntry, ServerMessage};

pub(crate) struct Scene {
    pub(crate) manager: Manager,
    pub(crate) doc: Doc,
    pub(crate) now: Duration,
}

/// The `nth` link of a manager.
pub(crate) const fn link(nth: u64) -> LinkId {
    LinkId(nth)
}

impl Scene {
    pub(crate) fn new(peer_id: &str, replica: u64) -> Self {
        let manager = Manager::new(peer_id.into(), replica);
        Self { manager, doc: Doc::new(ReplicaId::new(replica)), now: Duration::ZERO }
    }

    /// In the room, with these others there.
    pub(crate) fn joined(peer_id: &str, others: &[&str]) -> Self {
        let mut scene = Self::new(peer_id, 1);
        scene.input(Input::Connect(session()));
        scene.input(Input::SignalingOpened);
        scene.peers(others);
        scene
    }

    /// Hands in an input; gives what is to be done, events left out.
    pub(crate) fn input(&mut self, input: Input) -> Vec<Output> {
        self.all(input).into_iter().filter(|output| !matches!(output, Output::Event(_))).collect()
    }

    pub(crate) fn all(&mut self, input: Input) -> Vec<Output> {
        self.manager.handle(self.now, &mut self.doc, input);
        std::iter::from_fn(|| self.manager.poll()).collect()
    }

    /// Lets time pass to the next deadline.
    pub(crate) fn next_deadline(&mut self) -> Vec<Output> {
        self.now = self.manager.deadline().expect("something is planned").max(self.now);
        self.input(Input::Timeout)
    }

    pub(crate) fn server(&mut self, message: &ServerMessage) -> Vec<Output> {
        self.input(Input::SignalingMessage(message.to_json()))
    }

    pub(crate) fn peers(&mut self, others: &[&str]) -> Vec<Output> {
        let peers = others.iter().map(|&id| PeerEntry { id: id.into(), name: None }).collect();
        let resume_token = Some("token".into());
        self.server(&ServerMessage::Peers {
            room_id: "r".into(),
            peers,
            ice_servers: Vec::new(),
            resume_token,
        })
    }

    pub(crate) fn offer(&mut self, from: &str, attempt: &str) -> Vec<Output> {
        self.server(&ServerMessage::Offer(description(from, attempt)))
    }

    pub(crate) fn candidate(&mut self, from: &str, attempt: &str, candidate: &str) -> Vec<Output> {
        self.server(&ServerMessage::IceCandidate(Candidate {
            from_peer_id: from.into(),
            to_peer_id: "?".into(),
            candidate: candidate.into(),
            connection: Some(attempt.into()),
        }))
    }

    /// The link comes up; gives the Hello that is sent.
    pub(crate) fn up(&mut self, link: LinkId) -> Vec<u8> {
        self.input(Input::Link { link, state: LinkState::Connected });
        self.input(Input::ChannelOpened { link, channel: Channel::Live });
        let outputs = self.input(Input::ChannelOpened { link, channel: Channel::Bulk });
        match &outputs[..] {
            [Output::Send { channel: Channel::Bulk, data, .. }] => data.clone(),
            other => panic!("not a Hello: {other:?}"),
        }
    }

    pub(crate) fn frame(&mut self, link: LinkId, channel: Channel, data: &[u8]) -> Vec<Output> {
        self.input(Input::Frame { link, channel, data: data.to_vec() })
    }
}

pub(crate) fn session() -> Session {
    Session { server: "ws://s".into(), room: "r".into(), name: None }
}

pub(crate) fn description(from: &str, attempt: &str) -> Description {
    Description {
        from_peer_id: from.into(),
        to_peer_id: "?".into(),
        sdp: format!("sdp of {from}"),
        connection: Some(attempt.into()),
    }
}

/// What was sent to the signaling server.
pub(crate) fn sent(outputs: &[Output]) -> Vec<ClientMessage> {
    let texts = outputs.iter().filter_map(|output| match output {
        Output::SendSignaling(text) => {
            Some(ClientMessage::from_json(text).expect("our own messages are valid"))
        }
        _ => None,
    });
    texts.collect()
}
