// Settling a store that was found to be another or an older one: taking it as it is, or writing back what is served. What each
// means is said first.

import { h, setAttr, setShown, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { button, errorLine, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

/** Opens the confirmation; `done` runs after it was accepted. */
export function acceptStore({ api, store, notices, done }) {
	const error = errorLine('store-accept-error');
	const go = submitButton('Accept the store', 'store-accept-submit', { tone: 'stop' });
	const back = button('Write back what is served', { testid: 'store-restore' });
	const replace = h('input', { type: 'checkbox', id: 'store-replace', testid: 'store-replace' });
	const replaceRow = h(
		'p',
		{ hidden: true },
		h('label.check', { for: 'store-replace' }, replace, ' Also into a store that this router never knew'),
	);
	const cancel = button('Cancel', { testid: 'store-accept-cancel' });
	const served = store
		.apps()
		.filter((state) => state.stable)
		.map((state) => `${state.app} with ${releaseName(state.stable)} on stable`);
	const form = h(
		'form.dialog-body',
		{},
		h(
			'p',
			{},
			h('b', {}, 'Accept: '),
			'every router then routes by what the store holds now, whatever that is. Where it holds something else, clients move; what it does not hold is gone.',
		),
		h(
			'p',
			{},
			served.length
				? `Served now: ${served.slice(0, 5).join(', ')}${served.length > 5 ? `, and ${served.length - 5} more` : ''}.`
				: 'Nothing is served now.',
		),
		h(
			'p',
			{},
			h('b', {}, 'Write back: '),
			'records, settings, endpoints and keys in the store become what this router served last. No client moves.',
		),
		h('p.quiet', {}, 'Look at Key-values first.'),
		replaceRow,
		error,
		h('div.dialog-buttons', {}, cancel, back, go),
	);
	const dialog = openDialog({ title: 'Accept the store as it is, or restore it?', content: form, testid: 'store-accept-dialog' });
	cancel.addEventListener('click', () => dialog.close());
	const busy = (is) => [go, back].forEach((each) => setAttr(each, 'aria-disabled', is ? 'true' : null));

	async function settle(send, words) {
		if (go.getAttribute('aria-disabled')) return;
		busy(true);
		setText(error, '');
		try {
			const answer = await send();
			dialog.close();
			notices.post({ text: words(answer), tone: 'done' });
			await done();
		} catch (refusal) {
			setText(error, refusal.message);
			if (refusal.code === 'another_store') setShown(replaceRow, true);
			busy(false);
		}
	}

	form.addEventListener('submit', (event) => {
		event.preventDefault();
		settle(
			() => api.acceptStore(),
			() => 'The store was accepted as it is.',
		);
	});
	back.addEventListener('click', () =>
		settle(
			() => api.restoreStore(replace.checked ? { replace: true } : {}),
			({ written = 0, deleted = 0 }) => `The store was restored: ${written} keys written, ${deleted} deleted.`,
		),
	);
	cancel.focus();
}
