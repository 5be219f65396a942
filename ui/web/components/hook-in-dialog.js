// The dialogs of hooks in: one adds or changes one, and shows a secret that the router made, only this once; the other asks what one would do
// with a payload.

import { freshId, h, setShown, setText } from '../dom.js';
import { button, errorLine, field, submitButton } from './controls.js';
import { openDialog, openFormDialog } from './dialog.js';

const SENDERS = [
	['github', 'GitHub'],
	['gitlab', 'GitLab'],
	['standard', 'Standard Webhooks'],
	['token', 'anybody with the token'],
];

/** `hook` is the one that is changed, or null. */
export function openHookInDialog({ api, notices, hook, apps, done }) {
	const input = (stem, props) =>
		h('input.input', { id: freshId(stem), testid: `hook-in-${stem}`, autocomplete: 'off', spellcheck: 'false', ...props });
	const choice = (stem, options, chosen) =>
		h(
			'select.input',
			{ id: freshId(stem), testid: `hook-in-${stem}` },
			options.map(([value, label]) => h('option', { value, selected: value === chosen }, label)),
		);
	const list = (stem, props) => input(stem, { value: (hook?.[stem] ?? []).join(', '), ...props });
	const name = input('name', { maxlength: '63', readonly: Boolean(hook), value: hook?.name ?? '' });
	const sender = choice('sender', SENDERS, hook?.sender ?? 'github');
	const names = [...new Set([...apps, ...(hook ? [hook.app] : [])])];
	const app = choice(
		'app',
		names.map((each) => [each, each]),
		hook?.app,
	);
	const lists = { events: list('events'), branches: list('branches'), tags: list('tags'), matches: list('matches'), networks: list('networks') };
	const release = input('release', { value: hook?.release ?? '{/ref|last}' });
	const image = input('image', { value: hook?.image ?? '' });
	const endpoints = list('endpoints');
	const blend = input('blend', { inputmode: 'decimal', value: hook?.blend ?? '' });
	const secret = input('secret', {});
	const error = errorLine('hook-in-error');
	const madeSecret = h('input.input.mono', { readonly: true, 'aria-label': 'The secret', testid: 'hook-in-made' });
	const madePath = h('p.mono');
	const secretPage = h(
		'section.stack',
		{ hidden: true, role: 'status' },
		h('p', {}, 'The sender signs with this secret. It is shown only once: give it to the sender, with this path at the port for hooks in:'),
		madePath,
		madeSecret,
		h('div.dialog-buttons', {}, button('Done', { tone: 'primary', testid: 'hook-in-done', run: () => dialog.close() })),
	);
	const several = 'Separated by commas; * stands for anything.';
	const form = h(
		'form.dialog-body',
		{ novalidate: true },
		field('Name', name, hook ? null : 'It ends the address that the sender posts to: /hooks/in/ and the name.'),
		field('Sender', sender),
		field('App', app, 'It acts on this app alone, as a pipeline may.'),
		field('Release', release, 'Filled from the payload: {/ref|last} is what follows the last slash of `ref`.'),
		field('Image (optional)', image, 'Deployed as that release, filled from the payload: registry.example/shop:{/ref|last}. Empty: none is.'),
		field('Endpoints', endpoints, 'Filled from the payload, separated by commas, such as 10.0.0.7:3000. Empty: they stay.'),
		field('Blend (optional)', blend, 'Percent of new clients.'),
		field('Events', lists.events, `Such as push. ${several} Empty: all.`),
		field('Branches', lists.branches, `Such as main. ${several}`),
		field('Tags', lists.tags, `Such as v*. ${several}`),
		field('Matches', lists.matches, 'What else the payload must have, such as /repository/full_name=acme/shop.'),
		field('Networks', lists.networks, 'Where the sender may come from. Empty: anywhere.'),
		field('Secret (optional)', secret, hook ? 'Empty: it stays as it is.' : 'Empty: the router makes one.'),
		error,
		h(
			'div.dialog-buttons',
			{},
			button('Cancel', { testid: 'hook-in-cancel', run: () => dialog.close() }),
			submitButton(hook ? 'Save' : 'Add the hook in', 'hook-in-submit'),
		),
	);
	const dialog = openDialog({
		title: hook ? `Change the hook in ${hook.name}` : 'Add a hook in',
		content: h('div', {}, form, secretPage),
		wide: true,
		testid: 'hook-in-dialog',
		onClose: done,
	});

	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		const body = { sender: sender.value, app: app.value, release: release.value.trim(), paused: hook?.paused ?? false };
		for (const [key, control] of Object.entries({ ...lists, endpoints })) {
			const texts = split(control.value);
			if (texts.length) body[key] = texts;
		}
		if (hook?.port) body.port = hook.port;
		Object.assign(body, image.value.trim() ? deployed(image.value.trim(), hook) : hook?.reason ? { reason: hook.reason } : {});
		if (blend.value.trim()) body.blend = Number(blend.value);
		if (secret.value.trim()) body.secret = secret.value.trim();
		try {
			// Revision 0: a hook that is added must not exist yet.
			const answer = await api.writeHookIn(name.value.trim(), body, hook?.revision ?? 0);
			notices.post({ text: `The hook in ${answer.name} is ${hook ? 'changed' : 'added'}.`, tone: 'done' });
			if (!answer.secret) return dialog.close();
			madeSecret.value = answer.secret;
			setText(madePath, answer.path);
			setShown(form, false);
			setShown(secretPage, true);
			madeSecret.focus();
			madeSecret.select();
		} catch (refusal) {
			const isTaken = !hook && refusal.status === 412;
			setText(error, isTaken ? `There is already a hook in ${name.value.trim()}.` : refusal.message);
		}
	});
	(hook ? release : name).focus();
}

/** What says that an image is deployed, and keeps what else was said of its containers. */
function deployed(image, hook) {
	const body = { do: 'deploy', image };
	if (hook?.replicas) body.replicas = hook.replicas;
	if (hook?.health_path) body.health_path = hook.health_path;
	if (Object.keys(hook?.environment ?? {}).length) body.environment = hook.environment;
	return body;
}

/** Asks what a hook in would do with a payload. Nothing is done. */
export function openHookInTest({ api, hook }) {
	const payload = h('textarea.input.mono', { id: freshId('payload'), testid: 'hook-in-payload', rows: '10', spellcheck: 'false' });
	payload.value = '{"ref": "refs/tags/v1.0.0"}';
	const event = h('input.input', { id: freshId('event'), testid: 'hook-in-event', autocomplete: 'off', value: hook.events[0] ?? 'push' });
	const result = h('p', { role: 'status', testid: 'hook-in-result' });
	const error = errorLine('hook-in-test-error');
	const form = h(
		'form.dialog-body',
		{ novalidate: true },
		field('Payload', payload, 'JSON, as the sender would send it. Nothing is done.'),
		field('Event', event),
		result,
		error,
		h(
			'div.dialog-buttons',
			{},
			button('Close', { testid: 'hook-in-test-close', run: () => dialog.close() }),
			submitButton('What would it do?', 'hook-in-test-submit'),
		),
	);
	const dialog = openDialog({ title: `Test the hook in ${hook.name}`, content: form, wide: true, testid: 'hook-in-test-dialog' });
	form.addEventListener('submit', async (submitted) => {
		submitted.preventDefault();
		setText(result, '');
		setText(error, '');
		try {
			const { message, endpoints } = await api.testHookIn(hook.name, { payload: payload.value, event: event.value.trim() });
			setText(result, endpoints.length ? `${message}, on ${endpoints.join(', ')}` : message);
		} catch (refusal) {
			setText(error, refusal.message);
		}
	});
	payload.focus();
}

/** Asks before one is removed. */
export function openHookInRemoval({ api, notices, hook, done }) {
	openFormDialog({
		stem: 'hook-in-remove',
		title: `Remove the hook in ${hook.name}?`,
		content: h('p', {}, 'Its sender is refused from then on.'),
		submit: `Remove ${hook.name}`,
		send: async () => {
			await api.removeHookIn(hook.name);
			notices.post({ text: `The hook in ${hook.name} is removed.`, tone: 'done' });
		},
		done,
	});
}

const split = (text) =>
	text
		.split(',')
		.map((part) => part.trim())
		.filter(Boolean);
