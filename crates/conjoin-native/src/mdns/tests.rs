use super::message::{address_in, questions};
use super::*;

const NAME: &str = "1f92bb5e-a2ff-4b4c-8c2d-0d1a5a0e7b11.local";

fn candidate(address: &str) -> String {
    json!({
        "candidate": format!("candidate:1 1 udp 2113937151 {address} 51000 typ host generation 0"),
        "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": "abcd",
    })
    .to_string()
}

#[test]
fn names_are_seen_in_candidates() {
    let named = Named::of_candidate(&candidate(NAME)).unwrap();
    assert_eq!(named.name, NAME);
    assert_eq!(named.with("192.0.2.7".parse().unwrap()), candidate("192.0.2.7"));
    let long = format!("{}.local", "x".repeat(64));
    for other in ["192.0.2.7", "a.b.local", ".local", "example.org", "a_b.local", &long] {
        assert_eq!(Named::of_candidate(&candidate(other)), None, "{other}");
    }
    assert_eq!(Named::of_candidate(&candidate(NAME).replace("udp", "tcp")), None);
    assert_eq!(Named::of_candidate("nonsense"), None);
}

#[test]
fn names_are_seen_in_descriptions() {
    let line = format!("candidate:1 1 udp 2113937151 {NAME} 51000 typ host");
    let sdp =
        format!("v=0\r\na=ice-ufrag:abcd\r\na={line}\r\na=candidate:2 1 udp 1 192.0.2.7 9 typ host\r\n");
    let description = json!({ "type": "offer", "sdp": sdp }).to_string();
    let named = Named::of_description(&description);
    assert_eq!(named.iter().map(|named| named.name.as_str()).collect::<Vec<_>>(), [NAME]);
    assert!(named[0].with("192.0.2.9".parse().unwrap()).contains("192.0.2.9 51000 typ host"));
    assert_eq!(Named::of_description("nonsense"), []);
}

/// Answers each question for one address of a name, after it has missed the first.
async fn respond(socket: UdpSocket, name: &'static str) {
    let mut buffer = [0; 1500];
    let mut asked = 0;
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        asked += 1;
        if buffer[..length] != questions(name)[0] || asked == 1 {
            continue;
        }
        let [mut answer, _] = questions(name);
        answer[2..8].copy_from_slice(&[0x84, 0, 0, 1, 0, 1]);
        answer.extend_from_slice(&[0xc0, 12, 0, 1, 0x80, 1, 0, 0, 0, 120, 0, 4, 192, 0, 2, 7]);
        assert!(address_in(&answer, name).is_some());
        socket.send_to(b"noise", from).await.unwrap();
        socket.send_to(&answer, from).await.unwrap();
    }
}

async fn asker(to: SocketAddr) -> Asker {
    Asker { socket: UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap(), to }
}

#[tokio::test]
async fn a_name_is_asked_for_again_until_somebody_answers() {
    let responder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let to = responder.local_addr().unwrap();
    let responding = tokio::spawn(respond(responder, NAME));
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let askers = vec![asker(silent.local_addr().unwrap()).await, asker(to).await];
    assert_eq!(ask(askers, NAME).await, Some("192.0.2.7".parse().unwrap()));
    responding.abort();
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_given_up() {
    let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    assert_eq!(ask(vec![asker(silent.local_addr().unwrap()).await], NAME).await, None);
}
