//! Messages of a TURN server in a stream (RFC 8656, section 12.5: messages of channels are padded there).

/// What has come of a stream and is not yet taken.
#[derive(Debug, Default)]
pub(crate) struct Frames(Vec<u8>);

/// What came is nothing a TURN server sends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Broken;

impl Frames {
    /// Where to put what comes.
    pub(crate) const fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    /// The next whole message, without padding. There are never more than 64 KiB and a little in wait.
    ///
    /// # Errors
    /// If the stream cannot be understood any more.
    pub(crate) fn next(&mut self) -> Result<Option<Vec<u8>>, Broken> {
        let [kind, _, high, low, ..] = self.0[..] else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        let (message, frame) = match kind >> 6 {
            0 => (20 + length, 20 + length),
            1 => (4 + length, (4 + length).next_multiple_of(4)),
            _ => return Err(Broken),
        };
        if self.0.len() < frame {
            return Ok(None);
        }
        let rest = self.0.split_off(frame);
        let mut taken = std::mem::replace(&mut self.0, rest);
        taken.truncate(message);
        Ok(Some(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_cut_from_the_stream() {
        let stun: Vec<u8> = [0, 1, 0, 4].into_iter().chain([7; 20]).collect();
        let channel = [0x40, 1, 0, 5, 1, 2, 3, 4, 5];
        let stream: Vec<u8> = stun.iter().chain(&channel).chain(&[0; 3]).chain(&stun).copied().collect();
        for step in [1, 3, 64] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            for piece in stream.chunks(step) {
                frames.buffer().extend_from_slice(piece);
                while let Some(frame) = frames.next().unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found, [stun.clone(), channel.to_vec(), stun.clone()]);
        }
    }

    #[test]
    fn nonsense_ends_it() {
        let mut frames = Frames::default();
        frames.buffer().extend_from_slice(b"\xffTTP/1.1");
        assert_eq!(frames.next(), Err(Broken));
    }
}
