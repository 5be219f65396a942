// The dialog that makes a token, and shows it this once.

import { h, setAttr, setShown, setText } from '../dom.js';
import { ROLES, tokenRequest } from '../access-words.js';
import { button, errorLine, field, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

const TIMES = [
	['1 day', 1],
	['30 days', 30],
	['90 days', 90],
	['1 year', 365],
	['until it is taken back', 0],
];

export function openTokenDialog({ api, notices, apps, done }) {
	const input = (testid, props) => h('input.input', { id: testid, testid, autocomplete: 'off', spellcheck: 'false', ...props });
	const name = input('token-name', { maxlength: '63' });
	const networks = input('token-networks', {});
	const role = h(
		'select.input',
		{ id: 'token-role', testid: 'token-role' },
		Object.entries(ROLES).map(([value, words]) => h('option', { value, selected: value === 'ci' }, `${value}: ${words}`)),
	);
	const time = h(
		'select.input',
		{ id: 'token-time', testid: 'token-time' },
		TIMES.map(([words, days]) => h('option', { value: days, selected: days === 90 }, words)),
	);
	const boxes = apps.map((app) => h('input', { type: 'checkbox', value: app, testid: `token-app-${app}` }));
	const raw = h('input', { type: 'checkbox', testid: 'token-raw' });
	const error = errorLine('token-error');
	const submit = submitButton('Make the token', 'token-submit');
	const form = h(
		'form.dialog-body',
		{ novalidate: true },
		field('Name', name, 'It stands in histories and logs: letters, digits, -, _, . and @.'),
		field('Role', role),
		h(
			'fieldset.hook-choice',
			{},
			h('legend', {}, 'Apps', h('span.quiet', {}, ' None chosen means all apps.')),
			boxes.map((box) => h('label.check', {}, box, h('span', {}, box.value))),
		),
		field('Networks (optional)', networks, 'Where it may come from, such as 10.0.0.0/8; several with commas. Empty: from anywhere.'),
		field('Valid for', time),
		h('p', {}, h('label.check', {}, raw, ' It may use raw keyvalues, as old scripts do')),
		error,
		h('div.dialog-buttons', {}, button('Cancel', { testid: 'token-cancel', run: () => dialog.close() }), submit),
	);
	const made = h('input.input.mono', { readonly: true, 'aria-label': 'The token', testid: 'token-made' });
	const madePage = h(
		'section.stack',
		{ hidden: true, role: 'status' },
		h('p', {}, 'This is the token. It is shown only once: give it to whoever is to use it.'),
		made,
		h('div.dialog-buttons', {}, button('Done', { tone: 'primary', testid: 'token-done', run: () => dialog.close() })),
	);
	const dialog = openDialog({ title: 'Make a token', content: h('div', {}, form, madePage), wide: true, testid: 'token-dialog', onClose: done });

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (submit.getAttribute('aria-disabled')) return;
		setAttr(submit, 'aria-disabled', 'true');
		try {
			const chosen = boxes.filter((box) => box.checked).map((box) => box.value);
			const answer = await api.makeToken(
				tokenRequest({
					name: name.value,
					role: role.value,
					apps: chosen,
					networks: networks.value,
					days: Number(time.value),
					raw: raw.checked,
				}),
			);
			notices.post({ text: `The token ${answer.name} is made.`, tone: 'done' });
			made.value = answer.token;
			setShown(form, false);
			setShown(madePage, true);
			made.focus();
			made.select();
		} catch (refusal) {
			setText(error, refusal.message);
			setAttr(submit, 'aria-disabled', null);
		}
	});
	name.focus();
}
