//! [`Connection`] on str0m.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use conjoin_peer::{Channel, LinkState};
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::{ChannelConfig, ChannelId, Reliability};
use str0m::config::DtlsCert;
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::connection::{CHANNELS, Connection, LocalCandidate, Packet, Poll};

/// Bytes that may be written and not yet acknowledged: what the manager hands over before it asks whether the
/// channel is writable (256 KiB), what may be left from before (64 KiB), as much for the live channel, a frame.
const SEND_BUFFER: usize = 448 * 1024;

/// So often is a path checked that works.
const CHECK_EVERY: Duration = Duration::from_millis(1_500);

/// A path on which nothing comes for this long, checks included, is down.
const SILENT: Duration = Duration::from_secs(6);

/// A path that was told to be down for this long works no more.
const GIVE_UP: Duration = Duration::from_secs(15);

/// The longest name of a peer in checks of paths. Browsers' have up to 8 bytes; the stack panics where those of
/// both ends together have more than 127.
const LONGEST_NAME: usize = 64;

/// A certificate, which is the identity of this end of a connection.
#[derive(Clone)]
pub(crate) struct Certificate(DtlsCert);

impl Certificate {
    /// A new one.
    ///
    /// # Panics
    /// If the operating system has no randomness to give.
    pub(crate) fn generate() -> Self {
        let crypto = str0m::crypto::from_feature_flags();
        Self(crypto.dtls_provider.generate_certificate().expect("a key can be generated"))
    }
}

/// A connection of str0m.
pub(crate) struct WebRtc {
    rtc: Rtc,
    /// Of both channels, as soon as something is negotiated.
    channels: Option<[(Channel, ChannelId); 2]>,
    /// The offer that is to be answered.
    pending: Option<SdpPendingOffer>,
    /// A path was found, and keys agreed on.
    connected: bool,
    /// Since when the path is down.
    down_since: Option<Instant>,
    /// It was told that it is down for good.
    failed: bool,
    last_received: Instant,
    now: Instant,
    /// What went wrong.
    error: Option<String>,
    /// The addresses of this machine that were added.
    local: Vec<Candidate>,
}

impl WebRtc {
    pub(crate) fn new(certificate: &Certificate, now: Instant) -> Self {
        let mut config = Rtc::builder();
        config.set_max_stun_rto(CHECK_EVERY);
        let rtc = config
            .set_dtls_cert(certificate.0.clone())
            .set_sctp_max_buffered_amount(SEND_BUFFER)
            // Audio and video are of no use here.
            .clear_codecs()
            .build(now);
        Self {
            rtc,
            channels: None,
            pending: None,
            connected: false,
            down_since: None,
            failed: false,
            last_received: now,
            now,
            error: None,
            local: Vec::new(),
        }
    }

    fn id(&self, channel: Channel) -> Option<ChannelId> {
        let channels = self.channels.as_ref()?;
        channels.iter().find(|(other, _)| *other == channel).map(|(_, id)| *id)
    }

    fn channel(&self, id: ChannelId) -> Option<Channel> {
        let channels = self.channels.as_ref()?;
        channels.iter().find(|(_, other)| *other == id).map(|(channel, _)| *channel)
    }

    /// What an event of str0m means, if it means anything here.
    fn translate(&mut self, event: Event) -> Option<Poll> {
        match event {
            Event::Connected => {
                self.connected = true;
                self.comes_up()
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.goes_down(),
            Event::IceConnectionStateChange(state) if state.is_connected() => self.comes_up(),
            Event::ChannelOpen(id, _) => self.channel(id).map(Poll::Opened),
            Event::ChannelClose(id) => self.channel(id).map(Poll::Closed),
            // Text has no meaning between peers.
            Event::ChannelData(message) if message.binary => {
                self.channel(message.id).map(|channel| Poll::Message(channel, message.data))
            }
            Event::Closed => Some(Poll::Closed(Channel::Bulk)),
            _ => None,
        }
    }

    /// The path is down, which is news once, and only of one that was up.
    fn goes_down(&mut self) -> Option<Poll> {
        if !self.connected || self.down_since.is_some() {
            return None;
        }
        self.down_since = Some(self.now);
        Some(Poll::State(LinkState::Disconnected))
    }

    /// The path is up again. Before the keys are agreed on, a path alone is of no use.
    fn comes_up(&mut self) -> Option<Poll> {
        self.last_received = self.now;
        (self.down_since, self.failed) = (None, false);
        self.connected.then_some(Poll::State(LinkState::Connected))
    }

    /// What silence, or its end, means.
    fn listen(&mut self) -> Option<Poll> {
        match self.down_since {
            None if self.now >= self.last_received + SILENT => self.goes_down(),
            Some(since) if self.last_received > since => self.comes_up(),
            // Told once, and when something comes after all.
            Some(since) if self.now >= since + GIVE_UP && !self.failed => {
                self.failed = true;
                Some(Poll::State(LinkState::Failed))
            }
            _ => None,
        }
    }

    /// When silence will mean something.
    fn listen_until(&self) -> Option<Instant> {
        match self.down_since {
            None => self.connected.then(|| self.last_received + SILENT),
            Some(since) => (!self.failed).then(|| since + GIVE_UP),
        }
    }

    /// Whatever goes wrong inside ends the connection.
    fn check<T>(&mut self, result: Result<T, str0m::RtcError>) -> Option<T> {
        result
            .map_err(|error| {
                self.error.get_or_insert(one_line(&error));
                self.rtc.disconnect();
            })
            .ok()
    }
}

impl Connection for WebRtc {
    fn add_local(&mut self, local: LocalCandidate) -> Option<String> {
        let candidate = self.rtc.add_local_candidate(candidate(local)?)?;
        self.local.push(candidate.clone());
        Some(describe_candidate(candidate))
    }

    fn remove_local(&mut self, address: IpAddr) {
        for candidate in self.local.extract_if(.., |candidate| candidate.local().ip() == address) {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    fn withdraw(&mut self, local: LocalCandidate) {
        let Some(gone) = candidate(local) else { return };
        let is_gone = |it: &mut Candidate| {
            (it.kind(), it.addr(), it.local()) == (gone.kind(), gone.addr(), gone.local())
        };
        for candidate in self.local.extract_if(.., is_gone) {
            self.rtc.direct_api().invalidate_candidate(&candidate);
        }
    }

    fn add_remote(&mut self, candidate: &str) {
        // Names ending in `.local` and TCP are not for this stack; such a peer is found when it calls.
        if let Ok(candidate) = serde_json::from_str::<Candidate>(candidate)
            && candidate.proto() == Protocol::Udp
        {
            self.rtc.add_remote_candidate(candidate);
        }
    }

    fn offer(&mut self, ice_restart: bool) -> Result<String, String> {
        let mut changes = self.rtc.sdp_api();
        if self.channels.is_none() {
            self.channels =
                Some(CHANNELS.map(|channel| (channel, changes.add_channel_with_config(config(channel)))));
        }
        if ice_restart {
            changes.ice_restart(true);
        }
        let (offer, pending) = changes.apply().ok_or("there is nothing to offer")?;
        self.pending = Some(pending);
        Ok(json!({ "type": "offer", "sdp": offer.to_sdp_string() }).to_string())
    }

    fn accept(&mut self, offer: &str) -> Result<String, String> {
        let sdp = sdp(offer, "offer")?;
        let offer = SdpOffer::from_sdp_string(&sdp).map_err(|error| unusable("offer", &error))?;
        self.pending = None;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|error| unusable("offer", &error))?;
        if self.channels.is_none() {
            let mut api = self.rtc.direct_api();
            self.channels = Some(CHANNELS.map(|channel| (channel, api.create_data_channel(config(channel)))));
        }
        Ok(json!({ "type": "answer", "sdp": answer.to_sdp_string() }).to_string())
    }

    fn complete(&mut self, answer: &str) -> Result<(), String> {
        let sdp = sdp(answer, "answer")?;
        let answer = SdpAnswer::from_sdp_string(&sdp).map_err(|error| unusable("answer", &error))?;
        let pending = self.pending.take().ok_or("the peer sent an answer to no offer")?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|error| unusable("answer", &error))
    }

    fn receive(&mut self, now: Instant, packet: Packet<'_>) {
        (self.now, self.last_received) = (now, now);
        if let Ok(receive) = Receive::new(Protocol::Udp, packet.from, packet.to, packet.data) {
            let result = self.rtc.handle_input(Input::Receive(now, receive));
            self.check(result);
        }
    }

    fn timeout(&mut self, now: Instant) {
        self.now = now;
        let result = self.rtc.handle_input(Input::Timeout(now));
        self.check(result);
    }

    fn poll(&mut self) -> Poll {
        loop {
            if let Some(poll) = self.listen() {
                return poll;
            }
            if !self.rtc.is_alive() {
                let error = self.error.clone();
                return Poll::Ended(error.unwrap_or_else(|| "the peer closed the connection".to_owned()));
            }
            let output = self.rtc.poll_output();
            match self.check(output) {
                Some(Output::Transmit(transmit)) => {
                    let data = transmit.contents.into();
                    return Poll::Transmit { from: transmit.source, to: transmit.destination, data };
                }
                Some(Output::Event(event)) => {
                    if let Some(poll) = self.translate(event) {
                        return poll;
                    }
                }
                Some(Output::Timeout(at)) => {
                    return Poll::Idle(self.listen_until().map_or(at, |until| until.min(at)));
                }
                None => {}
            }
        }
    }

    fn write(&mut self, channel: Channel, data: &[u8]) -> bool {
        let Some(id) = self.id(channel) else { return false };
        let Some(mut channel) = self.rtc.channel(id) else { return false };
        channel.write(true, data).unwrap_or(false)
    }

    fn buffered(&mut self, channel: Channel) -> usize {
        let Some(id) = self.id(channel) else { return 0 };
        self.rtc.channel(id).map_or(0, |mut channel| channel.buffered_amount())
    }

    fn close(&mut self) {
        let result = self.rtc.close();
        self.check(result);
    }
}

fn config(channel: Channel) -> ChannelConfig {
    let (ordered, reliability) = match channel {
        Channel::Bulk => (true, Reliability::Reliable),
        Channel::Live => (false, Reliability::MaxRetransmits { retransmits: 0 }),
    };
    let negotiated = Some(channel.stream());
    ChannelConfig { label: channel.label().into(), ordered, reliability, negotiated, protocol: String::new() }
}

/// What the stack calls it, if it has a use for it.
fn candidate(local: LocalCandidate) -> Option<Candidate> {
    let candidate = match local {
        LocalCandidate::Host(address) => Candidate::host(address, Protocol::Udp),
        LocalCandidate::Reflexive { address, base } => {
            Candidate::server_reflexive(address, base, Protocol::Udp)
        }
        LocalCandidate::Relayed { address, base } => Candidate::relayed(address, base, Protocol::Udp),
    };
    candidate.ok()
}

fn describe_candidate(candidate: &Candidate) -> String {
    let fragment = candidate.ufrag();
    let candidate = candidate.to_sdp_string();
    json!({ "candidate": candidate, "sdpMid": null, "sdpMLineIndex": 0, "usernameFragment": fragment })
        .to_string()
}

/// The session description in JSON text of `{type, sdp}`.
fn sdp(description: &str, kind: &str) -> Result<String, String> {
    let malformed = || format!("the peer sent a malformed {kind}");
    let description: Value = serde_json::from_str(description).map_err(|_| malformed())?;
    if description["type"] != kind {
        return Err(malformed());
    }
    let sdp = description["sdp"].as_str().ok_or_else(malformed)?;
    let name = |line: &str| line.strip_prefix("a=ice-ufrag:").map_or(0, str::len);
    if sdp.lines().any(|line| name(line) > LONGEST_NAME) {
        return Err(format!("the peer sent an {kind} with an ICE name of more than {LONGEST_NAME} bytes"));
    }
    Ok(sdp.to_owned())
}

fn unusable(kind: &str, error: &dyn std::fmt::Display) -> String {
    format!("the peer sent an {kind} that cannot be used: {}", one_line(error))
}

/// What went wrong, not longer than a line: it may quote what a peer sent.
fn one_line(error: &dyn std::fmt::Display) -> String {
    let mut reason = error.to_string().replace(|character: char| character.is_control(), " ");
    if let Some((end, _)) = reason.char_indices().nth(160) {
        reason.truncate(end);
        reason.push('…');
    }
    reason
}

#[cfg(test)]
mod bent;
#[cfg(test)]
mod tests;
