// Taking the store as it is, after it was found to be another or an older one: what that means is said first.

import { h, setAttr, setText } from '../dom.js';
import { releaseName } from '../release.js';
import { button, errorLine, submitButton } from './controls.js';
import { openDialog } from './dialog.js';

/** Opens the confirmation; `done` runs after it was accepted. */
export function acceptStore({ api, store, notices, done }) {
	const error = errorLine('store-accept-error');
	const go = submitButton('Accept the store', 'store-accept-submit', { tone: 'stop' });
	const cancel = button('Cancel', { testid: 'store-accept-cancel' });
	const served = store.apps().filter((state) => state.stable).map((state) => `${state.app} with ${releaseName(state.stable)} on stable`);
	const form = h('form.dialog-body', {},
		h('p', {}, 'Every router then routes by what the store holds now, whatever that is. Where it holds something else, clients move; what it does not hold is gone.'),
		h('p', {}, served.length ? `Served now: ${served.slice(0, 5).join(', ')}${served.length > 5 ? `, and ${served.length - 5} more` : ''}.` : 'Nothing is served now.'),
		h('p', {}, 'Look at Key-values first. If the store lost data, restore it from a backup instead.'),
		error, h('div.dialog-buttons', {}, cancel, go));
	const dialog = openDialog({ title: 'Accept the store as it is?', content: form, testid: 'store-accept-dialog' });
	cancel.addEventListener('click', () => dialog.close());
	form.addEventListener('submit', async (event) => {
		event.preventDefault();
		if (go.getAttribute('aria-disabled')) return;
		setAttr(go, 'aria-disabled', 'true');
		try {
			await api.acceptStore();
			dialog.close();
			notices.post({ text: 'The store was accepted as it is.', tone: 'done' });
			await done();
		} catch (refusal) {
			setText(error, refusal.message);
			setAttr(go, 'aria-disabled', null);
		}
	});
	cancel.focus();
}
