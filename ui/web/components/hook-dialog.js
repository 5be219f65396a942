// The dialog that makes a hook or changes one. A secret that the router made is shown in it, this once.

import { freshId, h, setShown, setText } from '../dom.js';
import { button, errorLine, field, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

/** `hook` is the one that is changed, or null; `events` what it may choose: `{name, about}`. */
export function hookDialog({ api, notices, hook, events, apps, done }) {
	const input = (testid, props) => h('input.input', { id: freshId(testid), testid, autocomplete: 'off', spellcheck: 'false', ...props });
	const name = input('hook-name', { maxlength: '63', readonly: Boolean(hook), value: hook?.name ?? '' });
	const url = input('hook-url', { type: 'url', value: hook?.url ?? '' });
	const secret = input('hook-secret', {});
	const fresh = h('input', { type: 'checkbox', testid: 'hook-new-secret' });
	const appBoxes = boxes(
		[...new Set([...apps, ...(hook?.apps ?? [])])].map((app) => ({ name: app })),
		hook?.apps,
		'hook-app',
	);
	const eventBoxes = boxes(events, hook?.events, 'hook-event');
	const error = errorLine('hook-error');
	const made = h('input.input.mono', { readonly: true, 'aria-label': 'The secret', testid: 'hook-made' });
	const shown = h(
		'section.stack',
		{ hidden: true, role: 'status' },
		h('p', {}, 'The secret of its signatures. It is shown this once: give it to the receiver.'),
		made,
		h('div.dialog-buttons', {}, button('Done', { tone: 'primary', testid: 'hook-done', run: () => dialog.close() })),
	);
	const submit = submitButton(hook ? 'Save' : 'Add the hook', 'hook-submit');
	const form = h(
		'form.dialog-body',
		{ novalidate: true },
		field('Name', name, hook ? null : 'A letter or digit, then letters, digits, ., _ and -.'),
		field('Address', url, 'http or https, without name and password. Never this router, its store, or a link-local address.'),
		group('Apps', 'None chosen: all apps.', appBoxes),
		group('Events', 'None chosen: all events.', eventBoxes),
		field('Secret (optional)', secret, hook ? 'whsec_…; left empty it stays as it is.' : 'whsec_…; left empty the router makes one.'),
		hook ? h('p', {}, h('label.check', {}, fresh, ' Have the router make another secret')) : null,
		error,
		h('div.dialog-buttons', {}, button('Cancel', { testid: 'hook-cancel', run: () => dialog.close() }), submit),
	);
	const dialog = openDialog({
		title: hook ? `Change the hook ${hook.name}` : 'Add a hook',
		content: h('div', {}, form, shown),
		wide: true,
		testid: 'hook-dialog',
		onClose: done,
	});

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const body = { url: url.value.trim(), apps: chosen(appBoxes), events: chosen(eventBoxes), paused: hook?.paused ?? false };
		if (secret.value.trim()) body.secret = secret.value.trim();
		if (fresh.checked) body.new_secret = true;
		try {
			// A hook that is added must not be one that is there already.
			const answer = await api.writeHook(name.value.trim(), body, hook?.revision ?? 0);
			notices.post({ text: `The hook ${answer.name} is ${hook ? 'changed' : 'added'}.`, tone: 'done' });
			if (!answer.secret) return dialog.close();
			made.value = answer.secret;
			setShown(form, false);
			setShown(shown, true);
			made.focus();
			made.select();
		} catch (refusal) {
			const taken = !hook && refusal.status === 412;
			setText(error, taken ? `There is a hook ${name.value.trim()} already.` : refusal.message);
		}
	});
	(hook ? url : name).focus();
}

function boxes(items, picked, testid) {
	return items.map(({ name, about }) => {
		const box = h('input', { type: 'checkbox', value: name, checked: picked?.includes(name), 'data-testid': `${testid}-${name}` });
		return { box, element: h('label.check', {}, box, h('span', {}, `${name} `, about ? h('span.quiet', {}, about) : null)) };
	});
}

function group(legend, hint, items) {
	return h(
		'fieldset.hook-choice',
		{},
		h('legend', {}, legend, h('span.quiet', {}, ` ${hint}`)),
		items.map(({ element }) => element),
	);
}

/** The names that are chosen; none: null, which means all. */
function chosen(items) {
	const names = items.filter(({ box }) => box.checked).map(({ box }) => box.value);
	return names.length ? names : null;
}
