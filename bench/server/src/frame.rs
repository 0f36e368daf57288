//! WebSocket frames (RFC 6455, 5.2), as far as a load generator needs them: whole messages, and a
//! mask of zeros, which costs the server what any mask does and this side nothing.

/// A frame's header is at most this long, its mask included.
const MAX_HEADER: usize = 14;

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// Appends a frame of a client's.
pub(crate) fn write(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    out.reserve(MAX_HEADER + payload.len());
    out.push(0x80 | opcode);
    match payload.len() {
        length @ ..126 => out.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            out.push(0x80 | 126);
            out.extend((length as u16).to_be_bytes());
        }
        length => {
            out.push(0x80 | 127);
            out.extend((length as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
}

/// The first frame of what a server sent: its opcode, its payload and what follows it. `None` if
/// it is not all there.
pub(crate) fn read(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match second {
        126 => {
            rest.split_first_chunk().map(|(length, rest)| (u64::from(u16::from_be_bytes(*length)), rest))?
        }
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(short), rest),
    };
    let (payload, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    Some((first & 0x0f, payload, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_all_lengths_are_written_and_read() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut sent = Vec::new();
            write(&mut sent, TEXT, &payload);
            assert!(sent.ends_with(&payload) && sent.len() <= length + MAX_HEADER);
            // What a server sends is the same without the mask.
            let header = sent.len() - length;
            let mut received = [&sent[..header - 4], &payload, b"rest"].concat();
            received[1] &= 0x7f;
            assert_eq!(read(&received), Some((TEXT, &payload[..], &b"rest"[..])), "{length} bytes");
            assert_eq!(read(&received[..received.len() - 5]), None, "{length} bytes, one missing");
        }
    }
}
