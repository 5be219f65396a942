// Keyvalues that cannot be used: the key, its value, what is allowed. It also says that everything else keeps working.

import { h, keyed, setShown, setText } from '../dom.js';
import { prose } from './controls.js';

/** `update(problems)`; hidden while there are none. */
export function problemsPanel() {
	const list = h('ul.rows.problems');
	const element = h(
		'section.panel.is-warning',
		{ 'aria-labelledby': 'problems-title', testid: 'problems', hidden: true },
		h('h2.panel-title', { id: 'problems-title' }, '⚠ Problems in keyvalues'),
		h(
			'p.quiet',
			{},
			'Each of these affects only itself: the last good value stays in use. Correct the value of the key to solve the problem.',
		),
		list,
	);
	return {
		element,
		update(problems) {
			setShown(element, problems.length > 0);
			keyed(list, problems, ({ key, allowed }) => `${key} ${allowed}`, buildRow);
		},
	};
}

function buildRow({ key: name, allowed }) {
	const key = h('code', {}, name);
	const value = h('code.is-bad');
	const element = h('li.row.problem-row', {}, key, h('span', {}, 'holds ', value), h('span', {}, 'allowed: ', prose(allowed)));
	return {
		element,
		update(problem) {
			setText(value, problem.value || '(empty)');
		},
	};
}
