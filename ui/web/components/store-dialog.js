// The dialog that settles a store which holds another history than the one that is served: accept it as it is, or restore what is
// served. It says first what each of them does.

import { h, setAttr, setShown, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { button, errorLine, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

const TITLES = { restore: 'Restore what is served?', accept: 'Accept the store as it is?' };

/**
 * Opens the dialog. `choice` is `restore` or `accept`, where only that is asked. `done` runs after the store was accepted or restored. What moves
 * nobody is the prominent choice, and what Enter does.
 */
export function openStoreDialog({ api, model, notices, choice, done }) {
	const error = errorLine('store-accept-error');
	const [restores, accepts] = [choice !== 'accept', choice !== 'restore'];
	const accept = button('Accept the store', { tone: choice === 'accept' ? 'stop' : '', testid: 'store-accept-submit', hidden: !accepts });
	const restore = submitButton('Restore what is served', 'store-restore', { hidden: !restores });
	const replace = h('input', { type: 'checkbox', id: 'store-replace', testid: 'store-replace' });
	const replaceLabel = h('label.check', { for: 'store-replace' }, replace, ' Restore it even though this router has never used this store');
	const replaceRow = h('p', { hidden: true }, replaceLabel);
	const cancel = button('Cancel', { testid: 'store-accept-cancel' });
	const restoring = 'this router writes the records, settings, endpoints and keys that it served last. No client moves.';
	const accepting = 'every router then routes by what the store holds now. Clients move where it names another release.';
	const look = h('a', { href: '#/store', testid: 'store-look', on: { click: () => dialog.close() } }, 'What differs, app by app');
	const form = h(
		'form.dialog-body',
		{},
		restores ? h('p', {}, h('b', {}, 'Restore: '), restoring) : null,
		accepts ? h('p', {}, h('b', {}, 'Accept: '), accepting) : null,
		h('p', {}, `${describeServed(model.apps())}${accepts ? ' What the store does not hold is gone.' : ''}`),
		choice ? null : h('p', {}, look),
		replaceRow,
		error,
		h('div.dialog-buttons', {}, cancel, accept, restore),
	);
	const dialog = openDialog({ title: TITLES[choice] ?? 'Restore what is served, or accept the store?', content: form, testid: 'store-accept-dialog' });
	cancel.addEventListener('click', () => dialog.close());

	function setBusy(isBusy) {
		for (const each of [accept, restore]) setAttr(each, 'aria-disabled', isBusy ? 'true' : null);
	}

	async function settleStore(send, describeAnswer) {
		if (accept.getAttribute('aria-disabled')) return;
		setBusy(true);
		setText(error, '');
		try {
			const answer = await send();
			dialog.close();
			notices.post({ text: describeAnswer(answer), tone: 'done' });
			await done();
		} catch (refusal) {
			setText(error, refusal.message);
			if (refusal.code === 'another_store') setShown(replaceRow, true);
			setBusy(false);
		}
	}

	accept.addEventListener('click', () => settleStore(api.acceptStore, () => 'The store was accepted as it is.'));
	form.addEventListener('submit', (event) => {
		event.preventDefault();
		if (restores) settleStore(() => api.restoreStore(replace.checked ? { replace: true } : {}), describeRestored);
	});
	cancel.focus();
}

function describeServed(apps) {
	const served = apps.filter((state) => state.stable).map((state) => `${state.app} with ${releaseName(state.stable)} on stable`);
	if (served.length === 0) return 'Nothing is served now.';
	const more = served.length > 5 ? `, and ${served.length - 5} more` : '';
	return `Served now: ${served.slice(0, 5).join(', ')}${more}.`;
}

function describeRestored({ written = 0, deleted = 0 }) {
	return `The store was restored: ${written} keys written, ${deleted} deleted.`;
}
