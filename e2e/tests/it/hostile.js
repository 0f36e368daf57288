// A peer that means no good, in a page of its own. `arguments`: the signaling server, the room, its id.

const [server, room, id] = arguments;
const socket = new WebSocket(server);
const send = message => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
const victims = [];
const links = {};

await new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error('no signaling server'));
    socket.onopen = () => send({ type: 'join', roomId: room, peerId: id, peerName: 'Mallory' });
    socket.onmessage = event => {
        const message = JSON.parse(event.data);
        if (message.type === 'peers') {
            victims.push(...message.peers.map(peer => peer.id));
            resolve();
        }
    };
});

// Descriptions and candidates that are none, under its own name and those of others.
const nonsense = () => {
    const sdps = [
        '', '{', 'null', '[]', '"offer"', '{"type":"answer","sdp":""}', '{"type":"offer"}',
        JSON.stringify({ type: 'offer', sdp: 'v=0\r\n' }),
        JSON.stringify({ type: 'answer', sdp: 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n' }),
        JSON.stringify({ type: 'offer', sdp: 'm='.repeat(5000) }),
        JSON.stringify({ type: 'rollback', sdp: '' }),
    ];
    const candidates = [
        '', '{', 'null', '{"candidate":7}', '{"candidate":"candidate:x","sdpMid":"0"}',
        JSON.stringify({ candidate: 'candidate:1 1 udp 1 127.0.0.1 9 typ host', sdpMid: '9' }),
    ];
    for (const toPeerId of victims) {
        for (const fromPeerId of [id, ...victims, '']) {
            for (const connection of [undefined, 'x'.repeat(200), '']) {
                for (const sdp of sdps) {
                    send({ type: 'offer', fromPeerId, toPeerId, sdp, connection });
                    send({ type: 'answer', fromPeerId, toPeerId, sdp, connection });
                }
                for (const candidate of candidates) {
                    send({ type: 'ice-candidate', fromPeerId, toPeerId, candidate, connection });
                }
            }
        }
    }
    send('no JSON');
    send({ type: 'leave', roomId: room, peerId: victims[0] });
    send({ type: 'peer-left', roomId: room, peerId: victims[0] });
    send({ type: 'peers', roomId: room, peers: [] });
};

// A real connection to one of the victims, with the channels that Conjoin negotiates.
const connect = async victim => {
    const link = new RTCPeerConnection();
    links[victim] = link;
    const bulk = link.createDataChannel('bulk', { negotiated: true, id: 0 });
    const live = link.createDataChannel('live', { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 });
    const connection = 'attempt';
    const to = rest => send({ fromPeerId: id, toPeerId: victim, connection, ...rest });
    link.onicecandidate = ({ candidate }) => {
        if (candidate?.candidate) to({ type: 'ice-candidate', candidate: JSON.stringify(candidate) });
    };
    socket.addEventListener('message', event => {
        const message = JSON.parse(event.data);
        if (message.fromPeerId !== victim || message.connection !== connection) return;
        if (message.type === 'answer') link.setRemoteDescription(JSON.parse(message.sdp));
        if (message.type === 'ice-candidate') link.addIceCandidate(JSON.parse(message.candidate));
    });
    await link.setLocalDescription();
    to({ type: 'offer', sdp: JSON.stringify(link.localDescription) });
    const opened = channel => new Promise((resolve, reject) => {
        channel.onopen = resolve;
        setTimeout(() => reject(new Error('no link')), 20_000);
    });
    await Promise.all([opened(bulk), opened(live)]);
    return { bulk, live };
};

window.mallory = {
    nonsense,
    // More good offers than browsers make connections.
    offers: async victim => {
        const link = new RTCPeerConnection();
        link.createDataChannel('bulk', { negotiated: true, id: 0 });
        await link.setLocalDescription();
        const sdp = JSON.stringify(link.localDescription);
        link.close();
        for (let nth = 0; nth < 600; nth++) {
            send({ type: 'offer', fromPeerId: id, toPeerId: victim, sdp, connection: `attempt ${nth}` });
        }
    },
    // A message larger than the server takes.
    flood: () => send(JSON.stringify({ type: 'offer', toPeerId: victims[0], sdp: 'x'.repeat(1 << 20) })),
    // Garbage of every kind of message on both channels, of many lengths. Tells what becomes of the link.
    garbage: async victim => {
        const { bulk, live } = await connect(victim);
        for (const channel of [live, bulk]) {
            for (let kind = 0; kind < 256; kind++) {
                if (channel.readyState !== 'open') break;
                const bytes = crypto.getRandomValues(new Uint8Array(1 + (kind * 37) % 2000));
                bytes[0] = kind;
                channel.send(bytes);
            }
        }
        return await new Promise(resolve => {
            if (bulk.readyState !== 'open') resolve('closed');
            bulk.onclose = () => resolve('closed');
            setTimeout(() => resolve('still open'), 20_000);
        });
    },
    leave: () => { socket.close(); for (const link of Object.values(links)) link.close(); },
};
return victims;
