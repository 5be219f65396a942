// The events of an app, newest first: what, by whom, why, when, and a button to roll back to what was stable then.

import { describeFate, stableAfter, summarizeEvent } from '../describe.js';
import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { fatesOf } from '../fates.js';
import { receiptLines } from '../receipt-words.js';
import { releaseId, releaseName } from '../release.js';
import { when } from './when.js';
import { button } from './controls.js';

/**
 * `update({events, state, now, disabledReason, fates})`: `fates` says which releases were taken back; left out: as the events say.
 * `rollback(id)` opens the confirmation. `details(event)` builds what exactly changed, when a reader opens it; left out: it cannot be opened.
 */
export function historyList({ rollback, details = null }) {
	const list = h('ol.history', { testid: 'history' });
	const none = h('p.quiet', {}, 'No changes yet.');
	let view = null;
	return {
		element: h('div', {}, none, list),
		update(next) {
			view = { ...next, fates: next.fates ?? fatesOf(next.events) };
			setShown(none, next.events.length === 0);
			keyed(list, next.events, eventKey, (event) => row(() => view, rollback, details, event.receipt));
		},
	};
}

/** An event's name among those of its app. A change of endpoints shares the seq with the change before it; what the audit tells has none. */
export const eventKey = ({ seq, number, audit }) => (audit ? `audit-${audit}` : number ? `${seq}-endpoints-${number}` : `${seq}`);

function row(view, rollback, details, receipt) {
	const seq = h('span.history-seq');
	const title = h('b');
	const what = h('span');
	const actor = h('span.history-actor');
	const reason = h('span.history-reason');
	const at = when();
	const backButton = button('Roll back to this', { tone: 'small' });
	const changes = details ? h('details.history-details', {}, h('summary', {}, 'What changed')) : null;
	const cost = receipt ? buildReceipt(receipt) : null;
	const element = h(
		'li.history-row',
		{},
		seq,
		h('span', {}, title, ' ', what),
		actor,
		reason,
		h('span.history-at', {}, at.element),
		h('span.history-back', {}, backButton),
		cost,
		changes,
	);
	let event = null;
	backButton.addEventListener('click', () => rollback(stableAfter(event)));
	changes?.addEventListener('toggle', () => {
		if (changes.open && changes.children.length === 1) changes.append(...details(event));
	});
	return {
		element,
		update(next) {
			// Changes of endpoints within seconds are one event, which grows.
			if (event && changes?.children.length > 1 && JSON.stringify(event.changed) !== JSON.stringify(next.changed))
				changes.replaceChildren(changes.firstChild, ...details(next));
			event = next;
			const { state, now, disabledReason, fates } = view();
			setAttr(element, 'data-testid', `history-row-${eventKey(event)}`);
			setText(seq, String(event.seq ?? ''));
			if (cost) setAttr(cost, 'data-testid', `receipt-${event.seq}`);
			const { title: titleText, words } = event.audit ? event : summarizeEvent(event, state?.app);
			setText(title, titleText);
			setText(what, words);
			setText(actor, event.token && event.token !== event.actor ? `${event.actor} (${event.token})` : event.actor);
			setText(reason, event.reason ? `“${event.reason}”` : '');
			at.update(event.at, now);
			const target = stableAfter(event);
			const isBad = fates.has(target);
			setText(backButton, isBad ? '⚠ Roll back to this' : 'Roll back to this');
			backButton.classList.toggle('stop', isBad);
			setAttr(backButton, 'title', isBad ? describeFate(fates.get(target), now) : null);
			setShown(backButton, Boolean(target && event.changed?.stable) && target !== releaseId(state?.stable) && !disabledReason);
			setAttr(backButton, 'data-testid', `rollback-to-${event.seq}`);
			setAttr(
				backButton,
				'aria-label',
				`Roll back to this: ${releaseName(target, state?.app, [releaseId(state?.stable)])}, stable since change ${event.seq}`,
			);
		},
	};
}

// What is known of a candidate that was aborted. Nothing of it changes.
function buildReceipt(receipt) {
	const lines = receiptLines(receipt).map((line) => h('li', {}, line));
	return h('details.history-details', {}, h('summary', {}, 'Receipt'), h('ul', {}, lines));
}
