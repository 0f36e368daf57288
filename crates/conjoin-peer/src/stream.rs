//! Messages of any size over a channel that takes frames of at most [`MAX_FRAME`] bytes.
//!
//! The first byte of a frame is the kind of its message; the high bit says that more follows,
//! and the frames that follow have the kind [`REST`]. A message in one frame costs nothing extra.

use std::collections::VecDeque;

use crate::MAX_FRAME;

const MORE: u8 = 0x80;
const REST: u8 = 0x40;

/// So many bytes are handed to the bulk channel before it is asked whether it is writable.
const WINDOW: usize = 256 * 1024;

/// Cuts a message, kind byte included, into frames.
pub(crate) fn cut(mut message: Vec<u8>) -> Vec<Vec<u8>> {
    if message.len() <= MAX_FRAME {
        return vec![message];
    }
    let rest = message.split_off(MAX_FRAME);
    message[0] |= MORE;
    let mut frames = vec![message];
    let mut chunks = rest.chunks(MAX_FRAME - 1).peekable();
    while let Some(chunk) = chunks.next() {
        let mut frame = Vec::with_capacity(chunk.len() + 1);
        frame.push(if chunks.peek().is_some() { REST | MORE } else { REST });
        frame.extend_from_slice(chunk);
        frames.push(frame);
    }
    frames
}

/// Frames on their way out, no faster than the channel takes them.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    frames: VecDeque<Vec<u8>>,
    /// Bytes in `frames`.
    queued: usize,
    /// Bytes handed over since the channel last said it was writable.
    handed: usize,
    waiting: bool,
}

/// What an [`Outbox`] wants done.
pub(crate) enum Step {
    Send(Vec<u8>),
    AwaitWritable,
}

impl Outbox {
    pub(crate) fn push(&mut self, message: Vec<u8>) {
        for frame in cut(message) {
            self.queued += frame.len();
            self.frames.push_back(frame);
        }
    }

    /// Bytes not handed over yet.
    pub(crate) const fn queued(&self) -> usize {
        self.queued
    }

    /// Whether all has been handed over.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    pub(crate) fn writable(&mut self) {
        self.handed = 0;
        self.waiting = false;
    }

    pub(crate) fn next(&mut self) -> Option<Step> {
        if self.waiting || self.frames.is_empty() {
            return None;
        }
        if self.handed >= WINDOW {
            self.waiting = true;
            return Some(Step::AwaitWritable);
        }
        let frame = self.frames.pop_front()?;
        self.handed += frame.len();
        self.queued -= frame.len();
        Some(Step::Send(frame))
    }
}

/// Puts frames together again.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    partial: Vec<u8>,
}

impl Inbox {
    /// Takes a frame of a message of at most so many bytes; gives the message that it completes, kind
    /// byte first.
    ///
    /// # Errors
    /// If the frame is out of place, or the message too large.
    pub(crate) fn take(&mut self, mut frame: Vec<u8>, most: usize) -> Result<Option<Vec<u8>>, &'static str> {
        let Some(&first) = frame.first() else { return Err("an empty frame") };
        let more = first & MORE != 0;
        if (first & REST == 0) != self.partial.is_empty() {
            return Err("a frame out of place");
        }
        if self.partial.is_empty() {
            frame[0] &= !MORE;
            if !more {
                return Ok(Some(frame));
            }
            self.partial = frame;
            return Ok(None);
        }
        if frame.len() == 1 {
            return Err("a frame that brings a message no further");
        }
        if self.partial.len() + frame.len() > most {
            return Err("a message that is too large");
        }
        self.partial.extend_from_slice(&frame[1..]);
        Ok(if more { None } else { Some(std::mem::take(&mut self.partial)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MAX_MESSAGE;

    #[test]
    fn messages_of_all_sizes_arrive_whole() {
        for size in [1, 2, MAX_FRAME - 1, MAX_FRAME, MAX_FRAME + 1, 2 * MAX_FRAME - 1, 100_000] {
            let message: Vec<u8> = (0..size).map(|at| if at == 0 { 5 } else { at as u8 }).collect();
            let mut inbox = Inbox::default();
            let frames = cut(message.clone());
            let count = frames.len();
            for (nth, frame) in frames.into_iter().enumerate() {
                assert!(frame.len() <= MAX_FRAME);
                let whole = inbox.take(frame, MAX_MESSAGE).expect("in order");
                assert_eq!(whole, (nth + 1 == count).then(|| message.clone()));
            }
        }
    }

    #[test]
    fn frames_out_of_place_are_refused() {
        assert!(Inbox::default().take(Vec::new(), MAX_MESSAGE).is_err());
        assert!(Inbox::default().take(vec![REST, 1], MAX_MESSAGE).is_err());
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(vec![5 | MORE, 1], MAX_MESSAGE), Ok(None));
        assert!(inbox.take(vec![5, 1], MAX_MESSAGE).is_err());
    }

    #[test]
    fn a_message_that_never_ends_is_refused() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.take(vec![5 | MORE], MAX_MESSAGE), Ok(None));
        let frames =
            (0..).map(|_| inbox.take([vec![REST | MORE], vec![0; MAX_FRAME - 1]].concat(), MAX_MESSAGE));
        let taken = frames.take_while(Result::is_ok).count();
        assert!(taken <= MAX_MESSAGE / (MAX_FRAME - 1));
    }

    #[test]
    fn the_outbox_waits_for_the_channel() {
        let mut outbox = Outbox::default();
        outbox.push(vec![5; 3 * WINDOW]);
        let mut sent = 0;
        while let Some(Step::Send(frame)) = outbox.next() {
            sent += frame.len();
        }
        assert!((WINDOW..WINDOW + MAX_FRAME).contains(&sent));
        assert!(outbox.next().is_none() && !outbox.is_empty());
        outbox.writable();
        assert!(matches!(outbox.next(), Some(Step::Send(_))));
    }
}
