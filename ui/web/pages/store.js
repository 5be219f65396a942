// The store that the routers share: whether it is the one that is served here, and if not, what it holds instead, app by app, and what can
// be done. The choice that moves nobody is the prominent one.

import { h, keyed, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { describeStoreTrouble } from '../troubles.js';
import { describeAccepting, describeSide } from '../store-words.js';
import { describeStore } from '../components/banners.js';
import { button, errorLine, pageHead } from '../components/controls.js';
import { openStoreDialog } from '../components/store-dialog.js';

export function storePage({ api, model, notices }) {
	const state = h('p', { role: 'status', testid: 'store-state' });
	const facts = h('p.quiet');
	const error = errorLine('store-error');
	const counts = h('p', { testid: 'store-counts' });
	const list = h('ul.rows', { testid: 'store-differences' });
	const open = (choice) => openStoreDialog({ api, model, notices, choice, done: refresh });
	const restore = button('Restore what is served…', { tone: 'primary', testid: 'store-page-restore', run: () => open('restore') });
	const accept = button('Accept the store…', { tone: 'stop', testid: 'store-page-accept', run: () => open('accept') });
	const differences = h(
		'section.panel.below',
		{ 'aria-labelledby': 'store-differs' },
		h('h2.panel-title', { id: 'store-differs' }, 'What the store holds instead'),
		error,
		list,
		counts,
		h('div.action-buttons.below', {}, restore, accept),
	);
	let isAsked = false;

	const refresh = () => api.getRouter().then(model.setRouter, () => {});

	// A restore that is only tried writes nothing, and says what differs.
	async function load() {
		try {
			const tried = await api.restoreStore({ dry_run: true });
			keyed(list, tried.apps ?? [], ({ app }) => app, differenceRow);
			setText(counts, describeCounts(tried));
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	function update() {
		const { router, who } = model.facts;
		const isDiverged = router?.store?.state === 'diverged';
		const mayDecide = isDiverged && who?.role === 'admin';
		// What exactly differs stands in the bar above every page.
		setText(state, describeStoreTrouble(router?.store && { ...router.store, detail: null }, who) ?? describeGood(router));
		setText(facts, router ? describeFacts(router.store) : '');
		setShown(differences, mayDecide);
		if (mayDecide && !isAsked) load();
		isAsked = mayDecide;
	}

	return {
		element: h(
			'div',
			{},
			pageHead('Store', button('Look again', { testid: 'store-reload', run: () => refresh().then(() => isAsked && load()) })),
			h('section.panel.stack', { 'aria-label': 'State of the store' }, state, facts),
			differences,
			h(
				'p.lead',
				{},
				'The store holds what is released where, the settings, endpoints and keys. Every router of the fleet follows it, and goes on ' +
					'serving what it read last when the store is gone or has become another one.',
			),
		),
		title: 'Store',
		refreshRouter: true,
		update,
	};
}

const describeFacts = (store) =>
	`${store?.kind ?? 'unknown'}, ${describeStore(store)}${store?.state === 'current' ? `, at change ${store.revision}` : ''}`;

const describeGood = (router) => (router ? '✓ This router serves what the store holds.' : 'Loading …');

function describeCounts({ apps = [], written, deleted, unchanged }) {
	const differing = apps.length === 0 ? 'No app is on other releases there. ' : '';
	return `${differing}Restoring would write ${plural(written, 'key')}, delete ${deleted} and leave ${unchanged} as they are.`;
}

function differenceRow() {
	const name = h('b');
	const [served, stored, effect] = [h('span'), h('span'), h('span')];
	const side = (label, value) => h('div', {}, h('span.quiet.side-label', {}, label), value);
	return {
		element: h('li.row.store-row', {}, name, side('Served here', served), side('In the store', stored), side('Accepting it', effect)),
		update(difference) {
			const { app } = difference;
			setText(name, app);
			setText(served, describeSide(difference.served, app));
			setText(stored, describeSide(difference.stored, app));
			setText(effect, describeAccepting(difference));
		},
	};
}
