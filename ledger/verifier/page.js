function show() {
	const $ = id => document.getElementById(id), key = $('key'), result = $('result');
	const add = (to, tag, text, cls = '') => {
		const el = document.createElement(tag);
		el.textContent = text;
		el.className = cls;
		to.append(el);
		return el;
	};
	const words = {
		holds: 'The receipt holds.',
		consistent: 'The receipt is consistent. Its signer is not trusted.',
		fails: 'The receipt does not hold.',
	};
	let file;
	key.value = document.querySelector('meta[name=log-key]').content;
	$(key.value ? 'given' : 'missing').hidden = false;
	const run = async () => {
		if (!file) return;
		const res = await check(await file.slice(0, 1e6).arrayBuffer(), key.value.trim()), f = res.fault;
		result.replaceChildren();
		result.className = res.verdict;
		add(result, 'h2', words[res.verdict]);
		add(result, 'p', file.name);
		const list = add(result, 'ol');
		for (const s of res.steps) add(list, 'li', s);
		if (f) add(list, 'li', f.text + (f.line ? ' Line ' + f.line + ', bytes ' + f.from + ' to ' + f.to + ' of the file.' : ''), 'bad');
		for (const [facet, text] of Object.entries(res.opened)) {
			add(result, 'h3', facet);
			const dl = add(result, 'dl');
			for (const [k, v] of Object.entries(JSON.parse(text))) {
				add(dl, 'dt', k);
				add(dl, 'dd', v.join ? v.join(', ') : typeof v === 'object' ? JSON.stringify(v, null, 1) : v);
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
