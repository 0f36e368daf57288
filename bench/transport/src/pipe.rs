//! What is measured side by side: two ends that exchange messages.

use std::net::Ipv4Addr;

use anyhow::Result;
use conjoin_peer::Channel;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use crate::peer::Peer;

/// One end.
pub(crate) enum End {
    Link(Box<Peer>, Channel),
    Udp(UdpSocket),
    /// Each message follows its length.
    Tcp(TcpStream),
}

impl End {
    /// Both ends of a UDP path.
    pub(crate) async fn udp() -> Result<(Self, Self)> {
        let (here, there) = (
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?,
            UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?,
        );
        here.connect(there.local_addr()?).await?;
        there.connect(here.local_addr()?).await?;
        Ok((Self::Udp(here), Self::Udp(there)))
    }

    /// Both ends of a TCP connection.
    pub(crate) async fn tcp() -> Result<(Self, Self)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let here = TcpStream::connect(listener.local_addr()?).await?;
        let (there, _) = listener.accept().await?;
        here.set_nodelay(true)?;
        there.set_nodelay(true)?;
        Ok((Self::Tcp(here), Self::Tcp(there)))
    }

    /// Sends one message at once.
    pub(crate) async fn send(&mut self, data: &[u8]) -> Result<()> {
        match self {
            Self::Link(peer, channel) => peer.send(*channel, data.to_vec()),
            Self::Udp(socket) => drop(socket.send(data).await?),
            Self::Tcp(stream) => {
                let mut framed = u32::try_from(data.len())?.to_le_bytes().to_vec();
                framed.extend_from_slice(data);
                stream.write_all(&framed).await?;
            }
        }
        Ok(())
    }

    /// Sends as many of these messages, as fast as they are taken.
    pub(crate) async fn stream(&mut self, data: &[u8], count: usize) -> Result<()> {
        let Self::Link(peer, channel) = self else {
            for _ in 0..count {
                self.send(data).await?;
            }
            return Ok(());
        };
        // What a manager does in one step.
        let step = (16 * 1024 / data.len()).clamp(1, 64);
        for sent in 1..=count {
            peer.push(*channel, data.to_vec());
            if sent % step == 0 || sent == count {
                peer.flush();
            }
            peer.room().await?;
        }
        Ok(())
    }

    /// The size of the next message.
    pub(crate) async fn receive(&mut self) -> Result<usize> {
        let mut buffer = [0; 64 * 1024];
        Ok(match self {
            Self::Link(peer, _) => peer.message().await?.len(),
            Self::Udp(socket) => socket.recv(&mut buffer).await?,
            Self::Tcp(stream) => {
                let length = stream.read_u32_le().await? as usize;
                stream.read_exact(&mut buffer[..length]).await?
            }
        })
    }
}
