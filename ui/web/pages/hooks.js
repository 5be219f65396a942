// Hooks: addresses that are told of releases and alarms. Listed with how the last delivery went, made and changed in a dialog, tested, paused, removed.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { button, errorLine, pageHead, submitButton } from '../components/controls.js';
import { openDialog } from '../components/dialog.js';
import { hookDialog } from '../components/hook-dialog.js';
import { hookRow } from '../components/hook-row.js';
import { browserNotices } from '../components/browser-notices.js';

export function hooksPage({ api, store, notices, notifier }) {
	const list = h('ul.rows', { testid: 'hooks' });
	const error = errorLine('hooks-error');
	const why = h('p.why', { id: 'hooks-why' });
	const add = button('Add a hook…', {
		tone: 'primary',
		testid: 'hook-add',
		'aria-describedby': 'hooks-why',
		run: () => {
			if (!whyNot()) edit(null);
		},
	});
	const sender = h('p.quiet', { testid: 'hooks-sender' });
	const none = h(
		'div.stack',
		{ testid: 'hooks-none' },
		h(
			'p',
			{},
			'No hook yet. A hook is an address that is told of every change, of alarms, and when endpoints can be stopped, by a signed POST.',
		),
		h(
			'ul.advice',
			{},
			h('li', {}, 'A chat: the address of an incoming webhook of Slack or Mattermost; it shows the one line that each message carries.'),
			h('li', {}, 'A pipeline or an audit log: any server that answers 2xx; libraries for Standard Webhooks check the signature.'),
		),
	);
	const whyBrowser = browserNotices(notifier);
	let known = null;
	let events = [];

	/** Why the reader may change nothing, or null. */
	function whyNot() {
		const role = store.facts.who?.role;
		return role === 'admin' ? null : `only an admin changes hooks; your role is ${role ?? 'unknown'}`;
	}

	async function load() {
		const role = store.facts.who?.role;
		if (role === 'viewer' || role === 'ci') {
			known = [];
			setText(error, `Hooks are shown to operators and admins; your role is ${role}.`);
			return update();
		}
		try {
			const answer = await api.hooks();
			known = answer.hooks;
			({ events } = answer);
			setText(sender, answer.sender ? `Told by ${answer.sender}.` : '');
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	const edit = (hook) => hookDialog({ api, notices, hook, events, apps: store.apps().map(({ app }) => app), done: load });

	async function test(hook, say) {
		say('Sent; waiting for the receiver …');
		try {
			const { delivered, error: fault, answer, ms } = await api.testHook(hook.name);
			say(`${delivered ? `✓ Delivered in ${ms} ms` : `✕ Not delivered: ${fault}`}${answer ? `: “${answer}”` : '.'}`);
		} catch (refusal) {
			say(`✕ ${refusal.message}`);
		}
		load();
	}

	async function pause(hook) {
		const { name, url, apps, events: chosen, paused, revision } = hook;
		try {
			await api.writeHook(name, { url, apps, events: chosen, paused: !paused }, revision);
			notices.post({
				text: paused ? `${name} is told what waits, and what happens from now on.` : `${name} is told nothing for now; what happens waits.`,
				tone: 'done',
			});
		} catch (refusal) {
			setText(error, refusal.message);
		}
		load();
	}

	function remove(hook) {
		const refused = errorLine('hook-remove-error');
		const form = h(
			'form.dialog-body',
			{},
			h('p', {}, 'What waits for it is not told any more.'),
			refused,
			h(
				'div.dialog-buttons',
				{},
				button('Cancel', { testid: 'hook-remove-cancel', run: () => dialog.close() }),
				submitButton(`Remove ${hook.name}`, 'hook-remove-submit', { tone: 'stop' }),
			),
		);
		const dialog = openDialog({ title: `Remove the hook ${hook.name}?`, content: form, testid: 'hook-remove-dialog' });
		form.addEventListener('submit', async (event) => {
			event.preventDefault();
			try {
				await api.removeHook(hook.name);
				dialog.close();
				notices.post({ text: `The hook ${hook.name} is removed.`, tone: 'done' });
				load();
			} catch (refusal) {
				setText(refused, refusal.message);
			}
		});
	}

	let shownAt = null;
	function update() {
		// The stream says that something about hooks changed, and not what: they are not for everybody who follows it. What waits changes with the apps.
		const { hooks: version, who } = store.facts;
		const now = JSON.stringify([version ?? null, who?.role, store.apps().map(({ seq }) => seq)]);
		if (who && now !== shownAt) {
			shownAt = now;
			load();
		}
		const reason = whyNot();
		setAttr(add, 'aria-disabled', reason ? 'true' : null);
		setText(why, reason && who ? `Add, change, test, remove: ${reason}.` : '');
		setShown(none, known?.length === 0 && !error.textContent);
		keyed(
			list,
			known ?? [],
			({ name }) => name,
			() => hookRow({ edit, test, pause, remove, whyNot }),
		);
		whyBrowser.update();
	}

	return {
		element: h(
			'div',
			{},
			pageHead('Hooks', add, button('Load again', { testid: 'hooks-reload', run: load })),
			h('p.lead', {}, 'Who is told of releases and alarms: at least once, in order, signed. No release waits for a receiver.'),
			why,
			h('section.panel', { 'aria-label': 'Hooks' }, error, none, list, sender),
			whyBrowser.element,
		),
		title: 'Hooks',
		update,
	};
}
