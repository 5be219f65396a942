// The panel of hooks in: what other systems may tell the router.

import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { button, errorLine } from './controls.js';
import { openHookInDialog, openHookInRemoval, openHookInTest } from './hook-in-dialog.js';
import { hookInRow } from './hook-in-row.js';

/** `disabledReason()` says why nothing can be changed, or null. */
export function hooksInPanel({ api, model, notices, disabledReason }) {
	const list = h('ul.rows', { testid: 'hooks-in' });
	const error = errorLine('hooks-in-error');
	const none = h(
		'p',
		{ testid: 'hooks-in-none' },
		'No hooks in yet. A hook in lets GitHub, GitLab or another system set a candidate, by a signed POST.',
	);
	const edit = (hook) => openHookInDialog({ api, notices, hook, apps: model.apps().map(({ app }) => app), done: load });
	const remove = (hook) => openHookInRemoval({ api, notices, hook, done: load });
	const test = (hook) => openHookInTest({ api, hook });
	const add = button('Add a hook in…', {
		testid: 'hook-in-add',
		'aria-describedby': 'hooks-why',
		run: () => {
			if (!disabledReason()) edit(null);
		},
	});
	let known = null;

	async function load() {
		try {
			known = (await api.listHooksIn()).hooks;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		update();
	}

	function update() {
		setAttr(add, 'aria-disabled', disabledReason() ? 'true' : null);
		setShown(none, known?.length === 0);
		keyed(
			list,
			known ?? [],
			({ name }) => name,
			() => hookInRow({ edit, test, remove, disabledReason }),
		);
	}

	const heading = h('h2', {}, 'Hooks in');
	return { element: h('section.panel', { 'aria-label': 'Hooks in' }, heading, error, none, list, add), load, update };
}
