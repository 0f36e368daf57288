//! What a hostile client costs the whole process.

use std::io::{Read, Write};
use std::net::Shutdown;

use tokio_tungstenite::tungstenite::Message;

use crate::support::{Server, conjoin, next};

/// What the process may grow by: far less than what it is sent.
const GROWTH: u64 = 8 << 20;

#[test]
fn a_message_of_100_megabytes_is_never_held() {
    let server = Server::start(&mut conjoin(&["serve", "--host", "127.0.0.1", "--port", "0"]));
    let join = |peer| Message::text(format!(r#"{{"type":"join","roomId":"r","peerId":"{peer}"}}"#));
    let mut mate = server.socket();
    mate.send(join("mate")).unwrap();
    assert_eq!(next(&mut mate)["type"], "peers");
    let before = server.most_memory();
    for (number, fragments) in [(1, false), (2, true)] {
        let mut socket = server.socket();
        socket.send(join("eve")).unwrap();
        assert_eq!(next(&mut socket)["type"], "peers");
        let mut writing = socket.get_ref().try_clone().unwrap();
        let writer = std::thread::spawn(move || {
            let piece = vec![b' '; 1_000_000];
            let header = |first: u8, length: u64| {
                let mut header = vec![first, 0xff];
                header.extend(length.to_be_bytes());
                header.extend([0; 4]);
                header
            };
            // It fails once the server has had enough.
            let mut send = || {
                if !fragments {
                    writing.write_all(&header(0x81, 100_000_000))?;
                }
                for n in 0..100 {
                    if fragments {
                        writing.write_all(&header(u8::from(n == 0), 1_000_000))?;
                    }
                    writing.write_all(&piece)?;
                }
                writing.shutdown(Shutdown::Write)
            };
            drop(send());
        });
        assert_eq!(next(&mut socket)["code"], "too-large");
        match socket.read() {
            Ok(Message::Close(Some(frame))) => assert_eq!(u16::from(frame.code), 1009),
            other => panic!("no close but {other:?}"),
        }
        // The server reads on for a moment, so that these words arrive, but keeps nothing of it.
        drop(socket.get_mut().read_to_end(&mut Vec::new()));
        writer.join().unwrap();
        assert_eq!(next(&mut mate)["type"], "peer-joined", "round {number}");
        assert_eq!(next(&mut mate)["type"], "peer-left", "round {number}");
    }
    let growth = server.most_memory() - before;
    assert!(growth < GROWTH, "{growth} bytes more");
}
