'use strict';
// The file is read as bytes, one character each, so that places are bytes.
const bytes = s => Uint8Array.from(s, c => c.charCodeAt());
const chars = b => new Uint8Array(b).reduce((s, x) => s + String.fromCharCode(x), '');
const utf8 = s => new TextDecoder().decode(bytes(s));
const sha = async s => chars(await crypto.subtle.digest('SHA-256', bytes(s)));
const id = s => Array.from(s.slice(0, 4), c => c.charCodeAt().toString(16).padStart(2, 0)).join('');
const FACETS = ['subject', 'actor', 'facts'];

// no says what is wrong and where: a stretch [from, to) of the file.
const no = (text, at) => { throw Object.assign(Error(text), {at}); };
const join = (a, b) => [a[0], b[1]];

function decode(s, n, what, at) {
	let out;
	try { out = atob(s); } catch { }
	if (out === undefined || btoa(out) !== s || n && out.length !== n) no(what + ' is not ' + (n ? n + ' bytes ' : '') + 'in base64', at);
	return out;
}

function number(s, what, at) {
	return /^(0|[1-9]\d{0,17})$/.test(s) ? BigInt(s) : no(what + ' is not a plain number', at);
}

// A Reader hands out lines; move turns a place in the text into one in the file.
class Reader {
	constructor(text, move) { Object.assign(this, {text, move, off: 0}); }
	next(what) {
		const from = this.off, end = this.text.indexOf('\n', from);
		if (end < 0) no('The text ends before ' + what, this.move([from, this.text.length]));
		this.off = end + 1;
		this.at = this.move([this.start = from, end + 1]);
		return this.text.slice(from, end);
	}
	word(name) {
		const line = this.next(name), {start, off} = this, from = start + name.length + 1;
		// The line before may have been broken in two: blame both.
		if (!line.startsWith(name + ' ')) no('Here should stand: ' + name, this.move([this.last ?? start, off]));
		this.last = start;
		this.at = this.move([from, off]);
		return this.text.slice(from, off - 1);
	}
	hash(name) { return decode(this.word(name), 32, name, this.at); }
	peek(s) { return this.text.startsWith(s, this.off); }
}

async function readKey(s, at) {
	const m = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(s) || no('This is no key: name+id+key', at);
	const key = decode(m[3], 33, 'The key', at);
	if (id(await sha(m[1] + '\n' + key)) !== m[2] || !'\x01\x04'.includes(key[0])) no('A character of this key was changed', at);
	return {text: s, name: m[1], id: m[2], witness: key[0] === '\x04', raw: key.slice(1), at};
}

async function parse(file) {
	const r = new Reader(file, at => at), out = {facets: {}, path: []}, head = 'c2sp.org/tlog-proof@v1';
	if (r.next(head) !== head) no('This should be ' + head, r.at);
	const text = decode(r.word('extra'), 0, 'extra', r.at);
	// Three bytes of the text are four characters in the file.
	const [from, end] = r.at;
	const x = new Reader(text, ([a, b]) => [from + (a / 3 | 0) * 4, Math.min(from + Math.ceil(b / 3) * 4, end)]);
	if (x.next('') !== 'loot-receipt/v1') no('extra should begin with loot-receipt/v1', x.at);
	out.keys = [await readKey(x.word('log'), x.at)];
	while (x.peek('witness ')) out.keys.push(await readKey(x.word('witness'), x.at));
	for (const k of out.keys) if (k.witness === (k === out.keys[0])) no('This key is of the wrong kind', k.at);
	for (const name of FACETS) {
		const f = out.facets[name] = {hash: x.hash(name + '-hash'), hashAt: x.at};
		if (!x.peek(name + '-salt ')) continue;
		f.salt = x.hash(name + '-salt');
		f.at = x.at;
		f.text = x.word(name);
		f.at = join(f.at, x.at);
	}
	if (x.off < text.length) no('Something stands after the last facet', x.move([x.off - 1, text.length]));
	out.index = number(r.word('index'), 'The index', r.at);
	out.pathAt = out.indexAt = r.at;
	for (let line; line = r.next('the path or the checkpoint');) {
		out.path.push(decode(line, 32, 'A hash of the path', r.at));
		out.pathAt = join(out.pathAt, r.at);
	}
	// The checkpoint: a text, an empty line, signatures.
	out.note = [r.off, file.length];
	out.lines = [];
	while (!r.peek('\n')) {
		if (/[\0-\x1f]/.test(r.next('the checkpoint'))) no('This character must not be here', r.at);
		out.lines.push(r.at);
	}
	const note = file.slice(out.note[0], r.off), [origin, size, root] = note.split('\n');
	Object.assign(out, {text: note, origin, size: number(size, 'The size of the log', out.lines[1] || out.note), root: decode(root, 32, 'The root hash', out.lines[2] || out.note), sigs: []});
	r.next();
	while (r.off < file.length) {
		const m = /^\xe2\x80\x94\x20([^+ \0-\x1f]+)\x20([\w+/=]+)$/.exec(r.next('a signature')) || no('This is not a signature', r.at);
		const sig = decode(m[2], 0, 'The signature', r.at);
		out.sigs.push({name: m[1], id: id(sig), sig: sig.slice(4), at: r.at});
	}
	return out;
}

// signed returns when the key signed the text (of a log: true), or false.
async function signed(key, text, sig) {
	let at = true;
	if (key.witness) {
		const t = new DataView(bytes(sig.padEnd(8)).buffer).getBigUint64();
		text = 'cosignature/v1\ntime ' + t + '\n' + text;
		sig = sig.slice(8);
		at = new Date(Number(t) * 1000).toUTCString();
	}
	const alg = 'Ed25519', pub = await crypto.subtle.importKey('raw', bytes(key.raw), alg, false, ['verify']);
	return await crypto.subtle.verify(alg, pub, bytes(sig), bytes(text)) && at;
}

async function rootOf(r) {
	const bits = n => n.toString(2), last = r.size - 1n;
	const inner = r.index === last ? 0 : bits(r.index ^ last).length;
	if (r.path.length !== inner + bits(r.index >> BigInt(inner)).replaceAll('0', '').length) return;
	let h = await sha('\0\x01' + await sha(FACETS.map(f => r.facets[f].hash).join('')));
	for (const [i, p] of r.path.entries())
		h = await sha('\x01' + (i < inner && !(r.index >> BigInt(i) & 1n) ? h + p : p + h));
	return h;
}

// blame finds out what was changed where the log's signature does not hold.
async function blame(r, log, sig, of) {
	for (const w of r.keys.slice(1)) if (of(w) && await signed(w, r.text, of(w).sig)) no('The signature of the log was changed', sig.at);
	for (const [i, s] of [[0, log.name], [2, btoa(await rootOf(r))]])
		if (await signed(log, r.text.split('\n').with(i, s).join('\n'), sig.sig)) no('This line of the checkpoint was changed', r.lines[i]);
	no('The signature of the log or its checkpoint was changed', join(r.note, sig.at));
}

async function signers(r, ok) {
	const of = key => r.sigs.find(s => s.name === key.name && s.id === key.id && !s.used);
	for (const key of r.keys) {
		const name = utf8(key.name), sig = of(key);
		if (!sig) no('The signature of ' + name + ' is missing', r.note);
		const at = await signed(key, r.text, sig.sig);
		if (!at) key.witness ? no('The signature of ' + name + ' was changed', sig.at) : await blame(r, key, sig, of);
		sig.used = true;
		ok(key.witness ? 'The witness ' + name + ' saw the log like this on ' + at + '.' : 'The log of size ' + r.size + ' is signed by ' + utf8(key.text) + '.');
	}
	for (const s of r.sigs) if (!s.used) no('The receipt does not name the key of this signature', s.at);
}

async function entry(r, ok) {
	if (r.index >= r.size) no('The index is beyond the end of the log', r.indexAt);
	const stated = await rootOf(r) === r.root;
	for (const name of FACETS) {
		const f = r.facets[name], have = f.salt && await sha(f.salt + f.text);
		if (!f.salt || have === f.hash) continue;
		if (stated) no('The facet “' + name + '” or its salt was changed', f.at);
		no('The commitment to the facet “' + name + '” was changed, or more than that', f.hashAt);
	}
	const shut = FACETS.find(f => !r.facets[f].salt);
	if (!stated) no('The entry is not in the log: the index, the path' + (shut ? ' or ' + shut + '-hash' : '') + ' was changed', join(shut ? r.facets[shut].hashAt : r.pathAt, r.pathAt));
	for (const f of FACETS) ok('The facet “' + f + (r.facets[f].salt ? '” is what was recorded.' : '” stays closed; the entry commits to it.'));
	ok('The entry is in the log: its path leads to the signed root hash.');
}

// The verdict is “holds”, “consistent” (nobody said whom to trust), “fails” or
// “none”: not a proof.
async function check(data, key) {
	const out = {verdict: 'fails', steps: [], opened: {}}, ok = s => out.steps.push(s), file = chars(data);
	if (!/c2sp.org\/tlog-proof|\nextra /.test(file)) return {...out, verdict: 'none'};
	try {
		const trusted = key && await readKey(key);
		const r = await parse(file), signer = r.keys[0];
		ok('It is for entry ' + r.index + ' of the log ' + utf8(r.origin) + '.');
		await signers(r, ok);
		await entry(r, ok);
		out.signer = utf8(signer.text);
		if (trusted && key !== signer.text) no('The signer, ' + out.signer + ', is not the key above', signer.at);
		ok(trusted ? 'The signer is the key above.' : 'No key was given, so whose signature this is was not checked.');
		for (const f of FACETS) if (r.facets[f].text) out.opened[f] = utf8(r.facets[f].text);
		out.verdict = trusted ? 'holds' : 'consistent';
	} catch (e) {
		out.fault = {text: ('at' in e ? '' : 'This browser cannot check it: ') + e.message + '.'};
		if (e.at) {
			const [from, end] = e.at, to = Math.max(end, from + 1), line = n => file.slice(0, n).split('\n').length;
			Object.assign(out.fault, {line: line(from), last: line(to - 1), from: from + 1, to});
		}
	}
	return out;
}
