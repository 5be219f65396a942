// What differs, a row for each thing: before struck out, after in bold. What is on one side alone came or went.

import { h } from '../dom.js';

/** The rows of `history-diff.js` as elements; `none` is said where nothing differs. */
export function diffList(rows, none) {
	if (rows.length === 0) return h('p.quiet', {}, none);
	return h(
		'dl.diff',
		{},
		rows.map(({ what, before, after }) =>
			h(
				'div.diff-row',
				{},
				h('dt', {}, what),
				h(
					'dd',
					{},
					before === null ? null : h('del', {}, before),
					before === null || after === null ? null : ' → ',
					after === null ? null : h('ins', {}, after),
				),
			),
		),
	);
}
