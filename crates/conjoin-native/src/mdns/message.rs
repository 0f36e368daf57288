//! The little of DNS that is needed (RFC 1035, section 4; RFC 6762, section 18).

use std::net::IpAddr;

const A: u16 = 1;
const AAAA: u16 = 28;
const INTERNET: u16 = 1;

/// The top bit of a class has a meaning of its own: in answers, that there are no others.
const TOP_BIT: u16 = 1 << 15;

/// Jumps in a compressed name, at most: each goes back, so that more would be a game.
const MAX_JUMPS: usize = 16;

/// The questions for the addresses of a name: one in each message, as browsers understand no more.
pub(super) fn questions(name: &str) -> [Vec<u8>; 2] {
    [A, AAAA].map(|kind| {
        // No id, no flags, one question.
        let mut message = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            // Names were seen to have labels of 63 bytes at most.
            message.push(label.len() as u8);
            message.extend_from_slice(label.as_bytes());
        }
        message.push(0);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&INTERNET.to_be_bytes());
        message
    })
}

/// The first address that a message, which may be anything, gives for a name.
pub(super) fn address_in(message: &[u8], name: &str) -> Option<IpAddr> {
    let mut reader = Reader { message, at: 2 };
    let is_answer = reader.number()? & 1 << 15 != 0;
    let [questions, answers, authorities, more] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    if !is_answer {
        return None;
    }
    for _ in 0..questions {
        reader.name()?;
        reader.take(4)?;
    }
    for _ in 0..u32::from(answers) + u32::from(authorities) + u32::from(more) {
        let whose = reader.name()?;
        let (kind, class) = (reader.number()?, reader.number()?);
        let time_to_live = reader.take(4)?;
        let length = reader.number()?;
        let data = reader.take(usize::from(length))?;
        // Without time to live, it says that the name is given up.
        let is_goodbye = time_to_live == [0; 4];
        if is_goodbye || class & !TOP_BIT != INTERNET || !whose.eq_ignore_ascii_case(name) {
            continue;
        }
        let address = match kind {
            A => <[u8; 4]>::try_from(data).map(IpAddr::from).ok(),
            AAAA => <[u8; 16]>::try_from(data).map(IpAddr::from).ok(),
            _ => None,
        };
        // Without its interface, an address of this link means nothing.
        let is_of_link = |it: &IpAddr| matches!(it, IpAddr::V6(v6) if v6.is_unicast_link_local());
        if let Some(address) = address.filter(|it| !it.is_unspecified() && !is_of_link(it)) {
            return Some(address);
        }
    }
    None
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at + length)?;
        self.at += length;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn name(&mut self) -> Option<String> {
        let (mut name, mut jumps, mut after) = (String::new(), 0, None);
        loop {
            let length = usize::from(*self.take(1)?.first()?);
            match length >> 6 {
                0 if length == 0 => break,
                0 => {
                    let label = self.take(length)?;
                    if !name.is_empty() {
                        name.push('.');
                    }
                    name.push_str(&String::from_utf8_lossy(label));
                }
                3 => {
                    let low = usize::from(*self.take(1)?.first()?);
                    let start = *after.get_or_insert(self.at);
                    jumps += 1;
                    if jumps > MAX_JUMPS || start > self.message.len() {
                        return None;
                    }
                    self.at = (length & 0x3f) << 8 | low;
                }
                _ => return None,
            }
            // No name is longer than 255 bytes.
            if name.len() > 255 {
                return None;
            }
        }
        self.at = after.unwrap_or(self.at);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with one record whose name points back to the question.
    fn answer(question: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
        let mut message = question.to_vec();
        message[2] = 0x84;
        message[7] = 1;
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&(INTERNET | TOP_BIT).to_be_bytes());
        message.extend_from_slice(&[0, 0, 0, 120, 0, data.len() as u8]);
        message.extend_from_slice(data);
        message
    }

    const NAME: &str = "1f92bb5e-a2ff-4b4c-8c2d-0d1a5a0e7b11.local";

    #[test]
    fn addresses_are_found_in_answers() {
        let [asked, _] = questions(NAME);
        let v4 = answer(&asked, A, &[192, 0, 2, 7]);
        assert_eq!(address_in(&v4, NAME), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(address_in(&v4, &NAME.to_uppercase()), Some("192.0.2.7".parse().unwrap()));
        assert_eq!(address_in(&v4, "other.local"), None);
        let v6: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
        assert_eq!(address_in(&answer(&asked, AAAA, &v6.octets()), NAME), Some(v6.into()));
        assert_eq!(address_in(&asked, NAME), None, "a question gives none");
        let mut goodbye = v4.clone();
        let time_to_live = goodbye.len() - 10;
        goodbye[time_to_live..time_to_live + 4].fill(0);
        assert_eq!(address_in(&goodbye, NAME), None);
        assert_eq!(address_in(&answer(&asked, A, &[0; 4]), NAME), None);
        assert_eq!(address_in(&answer(&asked, A, &[1, 2, 3]), NAME), None);
    }

    #[test]
    fn nonsense_harms_nothing() {
        let whole = answer(&questions(NAME)[0], A, &[192, 0, 2, 7]);
        for end in 0..whole.len() {
            address_in(&whole[..end], NAME);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x3f, 0x40, 0xc0, 0xff] {
                let mut broken = whole.clone();
                broken[at] = byte;
                address_in(&broken, NAME);
            }
        }
        // A name that points to itself.
        let mut circle = whole;
        let pointer = circle.len() - 4 - 12;
        circle[pointer + 1] = pointer as u8;
        assert_eq!(address_in(&circle, NAME), None);
    }
}
