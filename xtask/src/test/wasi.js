// Runs a program for WASI (preview 1) in the page: as much of the interface as a Rust test binary needs.
// There are no files and no network; what is missing answers "not supported", as WASI allows.
// arguments: the module in base64, its command line, its environment. Gives {code, output}.

const [base64, args, environment] = arguments;
const SUCCESS = 0, BAD_DESCRIPTOR = 8, NOT_SUPPORTED = 58;

class Exit extends Error {
    constructor(code) {
        super(`exit ${code}`);
        this.code = code;
    }
}

let memory;
let output = '';
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const view = () => new DataView(memory.buffer);

// The layout that args_* and environ_* share: a table of pointers, and the strings with a zero each.
const sizes = strings => (count, bytes) => {
    view().setUint32(count, strings.length, true);
    view().setUint32(bytes, strings.reduce((sum, string) => sum + encoder.encode(string).length + 1, 0), true);
    return SUCCESS;
};
const strings = strings => (table, at) => {
    for (const string of strings) {
        const bytes = encoder.encode(`${string}\0`);
        view().setUint32(table, at, true);
        new Uint8Array(memory.buffer).set(bytes, at);
        table += 4;
        at += bytes.length;
    }
    return SUCCESS;
};

const offered = {
    args_sizes_get: sizes(args),
    args_get: strings(args),
    environ_sizes_get: sizes(environment),
    environ_get: strings(environment),
    clock_time_get(clock, _precision, result) {
        const milliseconds = clock === 0 ? Date.now() : performance.now();
        view().setBigUint64(result, BigInt(Math.round(milliseconds * 1e6)), true);
        return SUCCESS;
    },
    random_get(at, length) {
        // The browser gives at most 64 KiB at a time.
        for (let done = 0; done < length; done += 65536) {
            crypto.getRandomValues(new Uint8Array(memory.buffer, at + done, Math.min(65536, length - done)));
        }
        return SUCCESS;
    },
    fd_write(descriptor, vectors, count, written) {
        if (descriptor !== 1 && descriptor !== 2) return BAD_DESCRIPTOR;
        let total = 0;
        for (let i = 0; i < count; i++) {
            const at = view().getUint32(vectors + 8 * i, true);
            const length = view().getUint32(vectors + 8 * i + 4, true);
            output += decoder.decode(new Uint8Array(memory.buffer, at, length), { stream: true });
            total += length;
        }
        view().setUint32(written, total, true);
        return SUCCESS;
    },
    fd_prestat_get: () => BAD_DESCRIPTOR,
    sched_yield: () => SUCCESS,
    proc_exit(code) {
        throw new Exit(code);
    },
};

const module = await WebAssembly.compile(Uint8Array.from(atob(base64), byte => byte.charCodeAt(0)));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = offered[name] ?? (() => NOT_SUPPORTED);
}
const instance = await WebAssembly.instantiate(module, imports);
memory = instance.exports.memory;
try {
    instance.exports._start();
    return { code: 0, output };
} catch (error) {
    if (error instanceof Exit) return { code: error.code, output };
    // A panic ends in a trap; what it said went to the output before.
    return { code: 101, output: `${output}\n${error}\n` };
}
