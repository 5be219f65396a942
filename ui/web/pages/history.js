// Every change of an app that is kept, newest first, with what exactly changed; filtered while the reader types. Two moments can be compared.

import { commandTitle, describeChanges } from '../describe.js';
import { h, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { differenceOf, sharedEvents } from '../history-diff.js';
import { changeOf } from '../history-feed.js';
import { appLinks } from '../components/app-links.js';
import { button, errorLine, pageHead } from '../components/controls.js';
import { diffList } from '../components/diff-list.js';
import { findBox } from '../components/find-box.js';
import { eventKey, historyList } from '../components/history-list.js';
import { momentComparison } from '../components/moment-comparison.js';

const PAGE = 50;
// Of hooks and tokens a router knows no more than its newest entries.
const AUDIT_PAGE = 200;

export function historyPage({ api, model, actions, params }) {
	const name = params.app;
	const find = findBox({ label: 'Filter by what, who or why', testid: 'history-filter', value: params.find, onChange: () => redraw() });
	const what = valueFilter('Every change', 'What', 'history-what', () => redraw());
	const who = valueFilter('By anybody', 'Who', 'history-who', () => redraw());
	const count = h('p.quiet', { role: 'status', testid: 'history-count' });
	const compare = momentComparison();
	const list = historyList({ rollback: (id) => actions.rollback(name, id), details: (event) => buildDetails(event, name, compare) });
	const more = button('Load older changes', { testid: 'history-more', run: () => load(next) });
	const error = errorLine();
	let events = [];
	let shared = [];
	let next = null;
	let leftOut = 0;
	let shownChange = null;
	let isAsked = false;
	let isLoaded = false;

	async function load(before) {
		try {
			const page = await api.getHistory(name, { limit: PAGE, before });
			isLoaded = true;
			const loaded = new Map([...events, ...page.events].map((event) => [eventKey(event), event]));
			events = [...loaded.values()].sort(newestFirst);
			if (before || next === null) next = page.next;
			leftOut = Math.max(leftOut, page.left_out ?? 0);
			what.addValues(events.map((event) => [event.command, commandTitle(event.command)]));
			who.addValues(events.map((event) => [event.actor, event.actor]));
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		redraw();
	}

	// Hooks and tokens are the router's, and admins alone are told who changed them.
	async function loadShared() {
		isAsked = true;
		const page = await api.getAudit({ limit: AUDIT_PAGE }).catch(() => ({ entries: [] }));
		shared = sharedEvents(page.entries, name);
		what.addValues(shared.map(({ command, title }) => [command, title]));
		redraw();
	}

	function redraw() {
		// Hooks and tokens alone are not the history, and may come first.
		if (!isLoaded) return setText(count, error.textContent ? '' : 'Loading …');
		const oldest = next === null ? 0 : (events.at(-1)?.at ?? 0);
		const all = merged(
			events,
			shared.filter(({ at }) => at >= oldest),
		);
		const shown = all.filter((event) => what.allows(event.command) && who.allows(event.actor) && find.matches(searchText(event, name)));
		list.update({ events: shown, state: model.app(name), now: Date.now(), disabledReason: model.readOnlyReason() });
		compare.update({ events, app: name });
		const some = shown.length < all.length ? `${shown.length} of ${plural(all.length, 'change')}` : plural(all.length, 'change');
		setText(count, `${some} loaded${leftOut ? `; ${plural(leftOut, 'change')} of endpoints and locks left out, since there are so many` : ''}`);
		setShown(more, next !== null);
	}

	return {
		element: h(
			'div',
			{},
			pageHead(`History of ${name}`, appLinks(name, 'history')),
			h('div.filters', {}, find.element, what.element, who.element),
			count,
			error,
			compare.element,
			h('section.panel', {}, list.element, h('p.centred', {}, more)),
		),
		title: `History of ${name}`,
		stream: name,
		update() {
			const state = model.app(name);
			if (!isAsked && model.facts.who?.role === 'admin') loadShared();
			const change = state && changeOf(state);
			if (change && change !== shownChange) {
				shownChange = change;
				load();
			} else redraw();
		},
	};
}

// Endpoints that changed while the app was at a seq did so after the change that made it.
const newestFirst = (a, b) => (b.seq ?? 0) - (a.seq ?? 0) || (b.number ?? 0) - (a.number ?? 0);

// The events in their own order, each of the others before the first event that is older.
function merged(events, others) {
	const all = [...events];
	for (const other of others) {
		const at = all.findIndex((event) => event.at < other.at);
		all.splice(at < 0 ? all.length : at, 0, other);
	}
	return all;
}

const searchText = ({ seq, command, title, words, changed, actor, reason }, app) =>
	[seq, title ?? commandTitle(command), words ?? describeChanges(changed, app), actor, reason].join(' ');

function buildDetails(event, app, compare) {
	const rows = differenceOf([event], app);
	if (event.audit) return [diffList(rows, 'No value that can be shown.')];
	return [
		diffList(rows, 'Nothing in the rollout record.'),
		button('Compare with now', { tone: 'small', testid: `compare-${eventKey(event)}`, run: () => compare.compare(event) }),
		h('details', {}, h('summary', {}, 'The record after this change'), h('pre.mono', {}, JSON.stringify(event.record, null, 2))),
	];
}

// A filter by one of the values that were loaded so far. What is chosen stays chosen.
function valueFilter(all, label, testid, onChange) {
	const element = h('select.input', { 'aria-label': label, testid, on: { change: onChange } }, h('option', { value: '' }, all));
	const known = new Set();
	return {
		element,
		allows: (value) => element.value === '' || element.value === value,
		addValues(pairs) {
			for (const [value, words] of pairs) {
				if (!value || known.has(value)) continue;
				known.add(value);
				element.append(h('option', { value }, words));
			}
		},
	};
}
