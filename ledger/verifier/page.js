function show() {
	const $ = id => document.getElementById(id), key = $('key'), result = $('result');
	const add = (to, tag, text, cls = '') => {
		const el = document.createElement(tag);
		el.textContent = text;
		el.className = cls;
		to.append(el);
		return el;
	};
	// The page holds the words, one a line.
	const said = Object.fromEntries($('words').content.textContent.split('\n').map(s => s.split(': ')));
	const all = (...list) => list.filter(w => w).map(w => said[w] || w).join(', ');
	const range = (what, a, b) => what + (a < b ? 's ' + a + '–' + b : ' ' + a);
	// table adds what there is to say of each term.
	const table = (to, rows) => {
		const dl = add(to, 'dl');
		for (const [k, v] of Object.entries(rows)) if (v) {
			add(dl, 'dt', k);
			add(dl, 'dd', v.join ? v.join(', ') : typeof v === 'object' ? JSON.stringify(v, null, 1) : v);
		}
	};
	const given = key.value = document.querySelector('meta[name=log-key]').content;
	let file;
	const note = $('given');
	(given ? note : $('missing')).hidden = false;
	$('back').hidden = location.protocol === 'file:';
	const run = async () => {
		if (!file) return;
		const res = await check(await file.slice(0, 1e6).arrayBuffer(), key.value.trim()), f = res.fault;
		result.replaceChildren();
		result.className = res.verdict;
		add(result, 'h2', said[res.verdict]);
		add(result, 'p', file.name);
		if (res.verdict === 'none') add(result, 'p', $('copy').textContent);
		// What the verdict rests on stands with it, and nowhere else.
		if (res.verdict === 'holds' && key.value === given) result.append(note);
		const {facts, subject} = res.opened;
		if (facts) {
			const e = JSON.parse(facts), who = JSON.parse(subject || '{}');
			table(result, {
				When: new Date(e.at).toUTCString(), What: all(e.action, e.note), Details: who.fields || e.fields, For: e.purpose, By: all(e.actor) + (e.role ? ' in the role ' + e.role : '') + (e.desk ? ', at the desk ' + e.desk : '') + (e.actor === 'staff' ? '; the name stays closed' : ''),
				To: all(e.recipient, e.country), Outcome: e.verdict, 'By clause': e.clauses, Statement: e.statement && 'the version with the SHA-256 ' + e.statement,
			});
		}
		const list = add(result, 'ol');
		for (const s of res.steps) add(list, 'li', s);
		if (f) add(list, 'li', f.text + (f.line ? ' (' + range('line', f.line, f.last) + ', ' + range('byte', f.from, f.to) + ')' : ''), 'bad');
		if (facts) {
			const more = add(result, 'details');
			add(more, 'summary', 'All that the receipt opens');
			for (const [facet, text] of Object.entries(res.opened)) {
				add(more, 'h3', facet);
				table(more, JSON.parse(text));
			}
		}
		result.focus();
	};
	const take = files => { file = files[0] || file; run(); };
	$('file').onchange = e => take(e.target.files);
	key.onchange = run;
	document.ondragover = e => e.preventDefault();
	document.ondrop = e => { e.preventDefault(); take(e.dataTransfer.files); };
}
if (typeof document === 'object') show();
