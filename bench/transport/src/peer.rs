//! One end of a link: a native driver, without a manager.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use conjoin_native::NativeDriver;
use conjoin_peer::{Channel, Input, LinkId, Output};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// So many bytes are sent before it is asked whether the channel is writable, as the manager does.
const WINDOW: usize = 256 * 1024;

pub(crate) struct Peer {
    driver: Arc<NativeDriver>,
    inputs: UnboundedReceiver<Input>,
    link: LinkId,
    handed: usize,
}

impl Peer {
    /// A driver that has no link yet.
    pub(crate) fn new() -> Self {
        let (sender, inputs) = unbounded_channel();
        let driver = NativeDriver::new(move |input| {
            let _ = sender.send(input);
        });
        Self { driver: Arc::new(driver), inputs, link: LinkId(0), handed: 0 }
    }

    pub(crate) async fn next(&mut self) -> Result<Input> {
        match self.inputs.recv().await {
            Some(Input::LinkFailed { error, .. }) => bail!("the link failed: {error}"),
            Some(Input::ChannelClosed { .. }) | None => bail!("the link was lost"),
            Some(input) => Ok(input),
        }
    }

    /// Begins a link of which somebody else carries the descriptions and candidates.
    pub(crate) fn open(&mut self) {
        self.perform(Output::OpenLink { link: self.link, ice_servers: Vec::new() });
    }

    /// What has happened and was not asked for yet.
    pub(crate) fn happened(&mut self) -> Option<Input> {
        self.inputs.try_recv().ok()
    }

    pub(crate) fn link(&self) -> LinkId {
        self.link
    }

    pub(crate) fn perform(&self, output: Output) {
        self.driver.perform(output);
        self.driver.wake_at(None);
    }

    /// Hands a message over; [`flush`](Self::flush) sends it.
    pub(crate) fn push(&mut self, channel: Channel, data: Vec<u8>) {
        self.handed += data.len();
        self.driver.perform(Output::Send { link: self.link, channel, data });
    }

    pub(crate) fn flush(&self) {
        self.driver.wake_at(None);
    }

    pub(crate) fn send(&mut self, channel: Channel, data: Vec<u8>) {
        self.push(channel, data);
        self.flush();
    }

    /// Waits until the channel has room, if enough was handed over.
    pub(crate) async fn room(&mut self) -> Result<()> {
        if self.handed < WINDOW {
            return Ok(());
        }
        self.handed = 0;
        self.perform(Output::AwaitWritable { link: self.link });
        while !matches!(self.next().await?, Input::Writable { .. }) {}
        Ok(())
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Input::Frame { data, .. } = self.next().await? {
                return Ok(data);
            }
        }
    }

    pub(crate) fn close(&self) {
        self.perform(Output::CloseLink { link: self.link });
    }
}

/// Links two drivers, as a manager and a signaling server would, in no time for those; done when both channels
/// are open at both ends.
pub(crate) async fn connect(here: &mut Peer, there: &mut Peer) -> Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let link = LinkId(NEXT.fetch_add(1, Ordering::Relaxed));
    for peer in [&mut *here, &mut *there] {
        peer.link = link;
        peer.handed = 0;
        peer.perform(Output::OpenLink { link, ice_servers: Vec::new() });
    }
    here.perform(Output::Offer { link, ice_restart: false });
    let mut open = 0;
    while open < 4 {
        let (input, from_here) = tokio::select! {
            input = here.next() => (input?, true),
            input = there.next() => (input?, false),
        };
        let other = if from_here { &*there } else { &*here };
        match input {
            Input::Described { link: of, description } if of == link => other.perform(match from_here {
                true => Output::Accept { link, offer: description },
                false => Output::Complete { link, answer: description },
            }),
            Input::Candidate { link: of, candidate } if of == link => {
                other.perform(Output::AddCandidate { link, candidate });
            }
            Input::ChannelOpened { link: of, .. } if of == link => open += 1,
            _ => {}
        }
    }
    Ok(())
}
