// Every change of an app that is kept, newest first, filtered as one types, with what exactly changed.

import { changes, commandTitle } from '../describe.js';
import { h, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { appHref } from '../router.js';
import { historyList } from '../components/history-list.js';
import { button, errorLine, pageHead } from '../components/controls.js';

const PAGE = 50;

export function historyPage({ api, store, actions, params }) {
	const name = params.app;
	const filter = h('input.input', { type: 'search', placeholder: 'Filter by what, who or why', 'aria-label': 'Filter by what, who or why', testid: 'history-filter' });
	const count = h('p.quiet', { role: 'status' });
	const list = historyList({ rollback: (id) => actions.rollback(name, id), details: true });
	const more = button('Older changes', { testid: 'history-more', run: () => load(next) });
	const error = errorLine();
	let events = [];
	let next = null;
	let newest = null;

	async function load(before) {
		try {
			const page = await api.history(name, { limit: PAGE, before });
			const known = new Set(events.map((event) => event.seq));
			events = [...events, ...page.events.filter((event) => !known.has(event.seq))].sort((a, b) => b.seq - a.seq);
			if (before || next === null) next = page.next;
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
		redraw();
	}

	function redraw() {
		const wanted = filter.value.trim().toLowerCase();
		const shown = events.filter((event) => [commandTitle(event.command), changes(event.changed), event.actor, event.reason].join(' ').toLowerCase().includes(wanted));
		list.update({ events: shown, state: store.app(name), now: Date.now(), why: store.whyReadOnly() });
		setText(count, wanted ? `${shown.length} of ${plural(events.length, 'change')} loaded` : `${plural(events.length, 'change')} loaded`);
		setShown(more, next !== null);
	}

	filter.addEventListener('input', redraw);
	return {
		element: h('div', {}, pageHead(`History of ${name}`, filter, h('a', { href: appHref(name) }, `Back to ${name}`)), count, error,
			h('section.panel', {}, list.element, h('p.centred', {}, more))),
		title: `History of ${name}`,
		stream: name,
		update() {
			const seq = store.app(name)?.seq;
			if (seq !== undefined && seq !== newest) { newest = seq; load(); } else redraw();
		},
	};
}
