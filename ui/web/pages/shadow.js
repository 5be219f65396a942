// What the candidate answers differently from stable: found by repeating requests of stable's users at both.

import { h, keyed, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { appLinks } from '../components/app-links.js';
import { button, errorLine, pageHead, prose } from '../components/controls.js';

const HELP =
	'The setting `shadow.percent` says which share of stable’s GET and HEAD requests is repeated at both releases. Users wait for none of them. ' +
	'Each router tells what it has found itself.';

const CLASSES = [
	['difference', 'Differences', 'The candidate answers differently, and stable does not differ from itself as often.'],
	['unsure', 'Undecided', 'Seen too rarely to tell.'],
	['noise', 'Noise', 'Stable answers differently itself: a date, an id, a counter.'],
];

export function shadowPage({ api, model, params }) {
	const name = params.app;
	const error = errorLine('shadow-error');
	const sentence = h('p', { role: 'status', testid: 'shadow-sentence' });
	const lists = CLASSES.map(([word, title, hint]) => findingList(word, title, hint));
	let shownSeq = null;

	async function load() {
		try {
			const found = await api.getShadow(name);
			setText(sentence, found.sentence);
			for (const list of lists) list.update(found.findings.filter((finding) => finding.class === list.word));
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	return {
		element: h(
			'div',
			{},
			pageHead(`Shadow of ${name}`, button('Look again', { testid: 'shadow-reload', run: load }), appLinks(name, 'shadow')),
			h('section.panel', {}, sentence, error),
			lists.map((list) => list.element),
			h('p.lead', {}, prose(HELP)),
		),
		title: `Shadow of ${name}`,
		stream: name,
		update() {
			const seq = model.app(name)?.seq;
			if (seq === undefined || seq === shownSeq) return;
			shownSeq = seq;
			load();
		},
	};
}

function findingList(word, title, hint) {
	const list = h('ul.rows', { testid: `shadow-${word}` });
	const id = `shadow-title-${word}`;
	const element = h(
		'section.panel',
		{ 'aria-labelledby': id, hidden: true },
		h('h2.panel-title', { id }, title),
		h('p.quiet', {}, hint),
		list,
	);
	const key = ({ path, field, kind }) => `${path} ${field} ${kind}`;
	return {
		word,
		element,
		update(findings) {
			setShown(element, findings.length > 0);
			keyed(list, findings, key, row);
		},
	};
}

function row({ path, field, kind }) {
	const counts = h('span.full-row');
	const example = h('p.quiet.full-row');
	const element = h('li.row', {}, h('b.full-row', {}, `${path} · ${field} · ${kind}`), counts, example);
	return {
		element,
		update(finding) {
			setText(counts, countsOf(finding));
			setText(example, exampleOf(finding));
		},
	};
}

/** How often it was seen, such as `180 of 180 answers, 98.5 % of clients; stable itself 0 of 45`. */
export function countsOf({ compared, differed, compared_twice: twice, differed_twice: itself, sessions_percent: clients }) {
	return `${differed} of ${plural(compared, 'answer')}, ${clients} % of clients; stable itself ${itself} of ${twice}`;
}

/** An example in a line; empty without one. */
export function exampleOf({ example }) {
	if (!example) return '';
	return `${example.path}: ${example.stable || 'nothing'} at stable, ${example.candidate || 'nothing'} at the candidate`;
}
