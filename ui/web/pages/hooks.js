// Hooks: addresses to which the router sends releases and alarms, and hooks in, by which others set candidates. The page lists them with their
// last deliveries; an admin can add, change, test, pause and remove them.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { button, errorLine, pageHead } from '../components/controls.js';
import { openFormDialog } from '../components/dialog.js';
import { openHookDialog } from '../components/hook-dialog.js';
import { hookRow } from '../components/hook-row.js';
import { hooksInPanel } from '../components/hooks-in-panel.js';
import { browserNotices } from '../components/browser-notices.js';

export function hooksPage({ api, model, notices, notifier }) {
	const list = h('ul.rows', { testid: 'hooks' });
	const error = errorLine('hooks-error');
	const reasonLine = h('p.why', { id: 'hooks-why' });
	const add = button('Add a hook…', {
		tone: 'primary',
		testid: 'hook-add',
		'aria-describedby': 'hooks-why',
		run: () => {
			if (!disabledReason()) edit(null);
		},
	});
	const sender = h('p.quiet', { testid: 'hooks-sender' });
	const none = h(
		'div.stack',
		{ testid: 'hooks-none' },
		h(
			'p',
			{},
			'No hooks yet. A hook is an address to which the router sends a signed POST for every change, for every alarm, and when endpoints can be stopped.',
		),
		h(
			'ul.advice',
			{},
			h(
				'li',
				{},
				'For a chat: the address of an incoming webhook of Slack or Mattermost. The chat shows the one line of text in each message.',
			),
			h('li', {}, 'For a pipeline or an audit log: any server that answers 2xx. Libraries for Standard Webhooks check the signature.'),
		),
	);
	const browserPanel = browserNotices(notifier);
	const inPanel = hooksInPanel({ api, model, notices, disabledReason });
	let known = null;
	let events = [];

	/** Why the reader may change nothing, or null. */
	function disabledReason() {
		const role = model.facts.who?.role;
		return role === 'admin' ? null : `only an admin can change hooks, and your role is ${role ?? 'unknown'}`;
	}

	async function load() {
		const role = model.facts.who?.role;
		if (role === 'viewer' || role === 'ci') {
			known = [];
			setShown(inPanel.element, false);
			setText(error, `Only operators and admins can see hooks, and your role is ${role}.`);
			return update();
		}
		setShown(inPanel.element, true);
		inPanel.load();
		try {
			const answer = await api.listHooks();
			known = answer.hooks;
			({ events } = answer);
			setText(sender, answer.sender ? `Sent by the router ${answer.sender}.` : '');
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	const edit = (hook) => openHookDialog({ api, notices, hook, events, apps: model.apps().map(({ app }) => app), done: load });

	async function test(hook, show) {
		show('Sent. Waiting for the receiver …');
		try {
			const { delivered, error: fault, answer, ms } = await api.testHook(hook.name);
			show(`${delivered ? `✓ Delivered in ${ms} ms` : `✕ Not delivered: ${fault}`}${answer ? `: “${answer}”` : '.'}`);
		} catch (refusal) {
			show(`✕ ${refusal.message}`);
		}
		load();
	}

	async function pause(hook) {
		const { name, url, apps, events: chosen, paused, revision } = hook;
		try {
			await api.writeHook(name, { url, apps, events: chosen, paused: !paused }, revision);
			notices.post({
				text: paused
					? `The hook ${name} is active again. The changes that waited are sent now.`
					: `The hook ${name} is paused. Changes wait until it is resumed.`,
				tone: 'done',
			});
		} catch (refusal) {
			setText(error, refusal.message);
		}
		load();
	}

	function remove(hook) {
		openFormDialog({
			stem: 'hook-remove',
			title: `Remove the hook ${hook.name}?`,
			content: h('p', {}, 'Changes that wait for this hook will not be sent.'),
			submit: `Remove ${hook.name}`,
			send: async () => {
				await api.removeHook(hook.name);
				notices.post({ text: `The hook ${hook.name} is removed.`, tone: 'done' });
			},
			done: load,
		});
	}

	let shownAt = null;
	function update() {
		// The stream says only that hooks changed, because not everybody who follows it may see them. What waits changes with the apps.
		const { hooks: version, who } = model.facts;
		const now = JSON.stringify([version ?? null, who?.role, model.apps().map(({ seq }) => seq)]);
		if (who && now !== shownAt) {
			shownAt = now;
			load();
		}
		const reason = disabledReason();
		setAttr(add, 'aria-disabled', reason ? 'true' : null);
		setText(reasonLine, reason && who ? `Add, change, test, remove: ${reason}.` : '');
		setShown(none, known?.length === 0 && !error.textContent);
		keyed(
			list,
			known ?? [],
			({ name }) => name,
			() => hookRow({ edit, test, pause, remove, disabledReason }),
		);
		inPanel.update();
		browserPanel.update();
	}

	return {
		element: h(
			'div',
			{},
			pageHead('Hooks', add, button('Reload', { testid: 'hooks-reload', run: load })),
			h('p.lead', {}, 'Hooks send releases and alarms to other systems: signed, in order, at least once. No release waits for a receiver.'),
			reasonLine,
			h('section.panel', { 'aria-label': 'Hooks' }, error, none, list, sender),
			inPanel.element,
			browserPanel.element,
		),
		title: 'Hooks',
		update,
	};
}
