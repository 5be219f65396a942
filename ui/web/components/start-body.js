// What starts a release: which one, what its endpoints answer now, and with whom it begins.

import { freshId, h, setText, showLines } from '../dom.js';
import { testLines } from '../start-words.js';
import { button, field } from './controls.js';

/**
 * `picker` is a `releasePicker`, `plans` the names of the app's plans, `test(release, endpoints)` asks the router. Its `values()` are the
 * picker's with `begin`, which is `{blend?, plan?, preview?}`.
 */
export function startBody({ picker, plans, test }) {
	const begins = [
		...plans.map((plan) => [`As plan ${plan} says`, { plan }]),
		['Nobody yet', { blend: 0 }],
		['Nobody yet, and a preview link to look at it', { blend: 0, preview: true }],
		['5 % of new visitors', { blend: 5 }],
	];
	const select = h(
		'select.input',
		{ id: freshId('begin'), testid: 'start-with' },
		begins.map(([words], at) => h('option', { value: at }, words)),
	);
	const answers = h('ul.advice.is-answers', { testid: 'start-tested', 'aria-live': 'polite' });
	const testButton = button('Test its endpoints now', { tone: 'small', testid: 'start-test', run: ask });
	let asked = 0;

	function forget() {
		asked += 1;
		showLines(answers, []);
		setText(testButton, 'Test its endpoints now');
	}

	async function ask() {
		const problem = picker.error();
		if (problem) return showLines(answers, [problem]);
		const { release, body } = picker.values();
		const mine = (asked += 1);
		setText(testButton, 'Asking them …');
		const lines = await test(release.id ?? release.release, body.endpoints).then(testLines, ({ message }) => [message]);
		// The reader has chosen another one meanwhile.
		if (mine !== asked) return;
		setText(testButton, 'Test them again');
		showLines(answers, lines);
	}

	return {
		element: h('div.stack', {}, picker.element, h('div', {}, testButton, answers), field('It begins with', select)),
		onChange(run) {
			picker.onChange(() => {
				forget();
				run();
			});
			select.addEventListener('change', run);
		},
		error: picker.error,
		values: () => ({ ...picker.values(), begin: begins[Number(select.value)][1] }),
	};
}
