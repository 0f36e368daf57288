// y-webrtc's side of the comparison in browsers; the crate beside this does exactly the same.

import { WebrtcProvider } from 'y-webrtc';
import * as Y from 'yjs';

const STATE = 'state';
const PING = 'ping';
const PONG = 'pong';

export class Peer {
    constructor(server, room) {
        this.server = server;
        this.room = room;
        this.doc = new Y.Doc();
        this.map = this.doc.getMap('bench');
    }

    first() {
        this.map.set(STATE, 'here');
        this.map.observe(event => {
            if (event.keysChanged.has(PING)) this.map.set(PONG, this.map.get(PING));
        });
        this.connect();
    }

    joined() {
        return this.provider.signalingConns.every(connection => connection.connected);
    }

    second(done) {
        const start = performance.now();
        this.map.observe(event => {
            if (event.keysChanged.has(STATE)) done(performance.now() - start);
        });
        this.connect();
    }

    round_trips(count, done) {
        const times = [];
        let start = 0;
        const edit = () => {
            start = performance.now();
            this.map.set(PING, times.length);
        };
        this.map.observe(event => {
            if (!event.keysChanged.has(PONG) || this.map.get(PONG) !== times.length) return;
            times.push(performance.now() - start);
            if (times.length < count) edit();
            else done(times);
        });
        edit();
    }

    connect() {
        // No STUN, as the other side of the comparison.
        this.provider = new WebrtcProvider(this.room, this.doc, {
            signaling: [this.server],
            peerOpts: { config: { iceServers: [] } },
        });
    }
}
