// The dialog that adds a hook or changes one. It shows a secret that the router made, only this once.

import { freshId, h, setShown, setText } from '../dom.js';
import { button, errorLine, field, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

/** `hook` is the one that is changed, or null. `events` are those it can choose from: `{name, about}`. */
export function openHookDialog({ api, notices, hook, events, apps, done }) {
	const input = (testid, props) => h('input.input', { id: freshId(testid), testid, autocomplete: 'off', spellcheck: 'false', ...props });
	const name = input('hook-name', { maxlength: '63', readonly: Boolean(hook), value: hook?.name ?? '' });
	const url = input('hook-url', { type: 'url', value: hook?.url ?? '' });
	const secret = input('hook-secret', {});
	const newSecret = h('input', { type: 'checkbox', testid: 'hook-new-secret' });
	const headerName = input('hook-header-name', { maxlength: '100', value: hook?.header ?? '' });
	const headerValue = input('hook-header-value', { type: 'password', autocomplete: 'new-password' });
	const appBoxes = buildBoxes(
		[...new Set([...apps, ...(hook?.apps ?? [])])].map((app) => ({ name: app })),
		hook?.apps,
		'hook-app',
	);
	const eventBoxes = buildBoxes(events, hook?.events, 'hook-event');
	const error = errorLine('hook-error');
	const madeSecret = h('input.input.mono', { readonly: true, 'aria-label': 'The secret', testid: 'hook-made' });
	const secretPage = h(
		'section.stack',
		{ hidden: true, role: 'status' },
		h('p', {}, 'This secret signs the messages of the hook. It is shown only once: give it to the receiver.'),
		madeSecret,
		h('div.dialog-buttons', {}, button('Done', { tone: 'primary', testid: 'hook-done', run: () => dialog.close() })),
	);
	const submit = submitButton(hook ? 'Save' : 'Add the hook', 'hook-submit');
	const form = h(
		'form.dialog-body',
		{ novalidate: true },
		field(
			'Name',
			name,
			hook ? null : 'Letters, digits, dot, underscore and dash, beginning with a letter or digit; at most 63 characters.',
		),
		field('Address', url, 'An http or https address without user name and password. Not this router, its store or a link-local address.'),
		buildGroup('Apps', 'None chosen means all apps.', appBoxes),
		buildGroup('Events', 'None chosen means all events.', eventBoxes),
		field(
			'Secret (optional)',
			secret,
			hook ? 'Begins with whsec_. Empty: the secret stays as it is.' : 'Begins with whsec_. Empty: the router makes one.',
		),
		hook ? h('p', {}, h('label.check', {}, newSecret, ' Make a new secret')) : null,
		field('Header (optional)', headerName, 'The name of a header that the receiver asks for, such as Authorization.'),
		field(
			'Value of the header',
			headerValue,
			hook?.header ? 'Never shown. Empty: it stays as it is.' : 'Such as Bearer, a blank and the token. It is never shown again.',
		),
		error,
		h('div.dialog-buttons', {}, button('Cancel', { testid: 'hook-cancel', run: () => dialog.close() }), submit),
	);
	const dialog = openDialog({
		title: hook ? `Change the hook ${hook.name}` : 'Add a hook',
		content: h('div', {}, form, secretPage),
		wide: true,
		testid: 'hook-dialog',
		onClose: done,
	});

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const body = { url: url.value.trim(), apps: readChosen(appBoxes), events: readChosen(eventBoxes), paused: hook?.paused ?? false };
		if (secret.value.trim()) body.secret = secret.value.trim();
		if (newSecret.checked) body.new_secret = true;
		Object.assign(body, readHeader(headerName.value.trim(), headerValue.value.trim(), hook?.header ?? ''));
		try {
			// Revision 0: a hook that is added must not exist yet.
			const answer = await api.writeHook(name.value.trim(), body, hook?.revision ?? 0);
			notices.post({ text: `The hook ${answer.name} is ${hook ? 'changed' : 'added'}.`, tone: 'done' });
			if (!answer.secret) return dialog.close();
			madeSecret.value = answer.secret;
			setShown(form, false);
			setShown(secretPage, true);
			madeSecret.focus();
			madeSecret.select();
		} catch (refusal) {
			const isTaken = !hook && refusal.status === 412;
			setText(error, isTaken ? `There is already a hook ${name.value.trim()}.` : refusal.message);
		}
	});
	(hook ? url : name).focus();
}

/** What a request says of the header; `known` is the name of the one that the hook has, or empty. */
function readHeader(name, value, known) {
	if (!name && !value) return known ? { no_header: true } : {};
	const stays = !value && name.toLowerCase() === known;
	return stays ? {} : { header: { name, value } };
}

function buildBoxes(items, chosenNames, testid) {
	return items.map(({ name, about }) => {
		const box = h('input', { type: 'checkbox', value: name, checked: chosenNames?.includes(name), 'data-testid': `${testid}-${name}` });
		return { box, element: h('label.check', {}, box, h('span', {}, `${name} `, about ? h('span.quiet', {}, about) : null)) };
	});
}

function buildGroup(legend, hint, items) {
	return h(
		'fieldset.hook-choice',
		{},
		h('legend', {}, legend, h('span.quiet', {}, ` ${hint}`)),
		items.map(({ element }) => element),
	);
}

/** The names that are chosen, or null for none, which means all. */
function readChosen(items) {
	const names = items.filter(({ box }) => box.checked).map(({ box }) => box.value);
	return names.length ? names : null;
}
