// The events of an app, newest first: what, by whom, why, when, and a way back to what was stable then.

import { differences, stableAfter, summary } from '../describe.js';
import { h, keyed, setAttr, setShown, setText } from '../dom.js';
import { releaseId, releaseName } from '../release.js';
import { when } from './when.js';
import { button } from './controls.js';

/** `update({events, state, now, why})`; `rollback(id)` opens the confirmation. `details` adds what exactly changed. */
export function historyList({ rollback, details = false }) {
	const list = h('ol.history', { testid: 'history' });
	const none = h('p.quiet', {}, 'Nothing has happened yet.');
	let view = null;
	return {
		element: h('div', {}, none, list),
		update(next) {
			view = next;
			setShown(none, next.events.length === 0);
			keyed(
				list,
				next.events,
				(event) => event.seq,
				() => row(() => view, rollback, details),
			);
		},
	};
}

function row(view, rollback, details) {
	const seq = h('span.history-seq');
	const title = h('b');
	const what = h('span');
	const actor = h('span.history-actor');
	const reason = h('span.history-reason');
	const at = when();
	const back = button('Roll back to this', { tone: 'small' });
	const record = details ? h('details.history-details', {}, h('summary', {}, 'What changed')) : null;
	const element = h(
		'li.history-row',
		{},
		seq,
		h('span', {}, title, ' ', what),
		actor,
		reason,
		h('span.history-at', {}, at.element),
		h('span.history-back', {}, back),
		record,
	);
	let event = null;
	back.addEventListener('click', () => rollback(stableAfter(event)));
	record?.addEventListener('toggle', () => {
		if (record.open && record.children.length === 1) record.append(...difference(event));
	});
	return {
		element,
		update(next) {
			event = next;
			const { state, now, why } = view();
			setAttr(element, 'data-testid', `history-row-${event.seq}`);
			setText(seq, String(event.seq));
			const said = summary(event);
			setText(title, said.title);
			setText(what, said.words);
			setText(actor, event.token && event.token !== event.actor ? `${event.actor} (${event.token})` : event.actor);
			setText(reason, event.reason ? `“${event.reason}”` : '');
			at.update(event.at, now);
			const target = stableAfter(event);
			setShown(back, Boolean(target && event.changed?.stable) && target !== releaseId(state?.stable) && !why);
			setAttr(back, 'data-testid', `rollback-to-${event.seq}`);
			setAttr(back, 'aria-label', `Roll back to this: ${releaseName(target)}, stable since change ${event.seq}`);
		},
	};
}

// An event never changes, so this is built once, when it is first looked at.
function difference(event) {
	const rows = differences(event.changed).map(({ field, before, after }) =>
		h('div.diff-row', {}, h('dt', {}, field), h('dd', {}, h('del', {}, before), ' → ', h('ins', {}, after))),
	);
	return [
		rows.length ? h('dl.diff', {}, rows) : h('p', {}, 'Nothing of the record.'),
		h('details', {}, h('summary', {}, 'The record after it'), h('pre.mono', {}, JSON.stringify(event.record, null, 2))),
	];
}
