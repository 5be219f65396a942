// What the releases answered, by class of status, as far back as the charts go.

import { h, setAttr, setShown, setText } from '../dom.js';
import { count, share } from '../format.js';

// Nothing is answered with a 1xx alone, so that class is shown where there was one.
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];
const WORDS = ['information', 'done', 'elsewhere', 'the request was wrong', 'failed'];

/** `update({stable, candidate})`: how many answers each release gave of each class, or null. */
export function statusClasses() {
	const rows = CLASSES.map((name, at) => {
		const cells = { stable: h('td'), candidate: h('td') };
		return { at, cells, element: h('tr', {}, h('th', { scope: 'row', title: WORDS[at] }, name), cells.stable, cells.candidate) };
	});
	const none = h('p.quiet', {}, 'counted once a minute');
	const table = h(
		'table',
		{},
		h(
			'thead',
			{},
			h(
				'tr',
				{},
				h('th', { scope: 'col' }, h('span.only-heard', {}, 'Class')),
				h('th.ink-stable', { scope: 'col' }, '■\u00a0Stable'),
				h('th.ink-candidate', { scope: 'col' }, '◆\u00a0Candidate'),
			),
		),
		h(
			'tbody',
			{},
			rows.map(({ element }) => element),
		),
	);
	return {
		element: h(
			'section.panel.compare.statuses',
			{ 'aria-labelledby': 'statuses-title', testid: 'statuses' },
			h('h2.panel-title', { id: 'statuses-title' }, 'Answers by status'),
			none,
			table,
		),
		update(statuses) {
			const sums = Object.fromEntries(Object.entries(statuses).map(([track, counts]) => [track, sum(counts)]));
			const known = Object.values(sums).some((all) => all > 0);
			setShown(none, !known);
			setShown(table, known);
			for (const { at, cells, element } of rows) {
				setShown(element, at > 0 || Object.values(statuses).some((counts) => counts?.[0] > 0));
				for (const [track, cell] of Object.entries(cells)) {
					const answers = statuses[track]?.[at];
					setText(cell, sums[track] ? `${share(answers / sums[track])} (${count(answers)})` : '–');
					setAttr(cell, 'data-tone', at === 4 && answers > 0 ? 'bad' : null);
				}
			}
		},
	};
}

const sum = (counts) => (counts ?? []).reduce((all, each) => all + each, 0);
