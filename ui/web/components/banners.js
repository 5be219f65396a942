// What teaches when the page or the router is cut off: from what, since when, what still works, what to do.

import { h } from '../dom.js';
import { duration, timeOfDay } from '../format.js';
import { banner } from './notices.js';

/** The store's state in words. */
export function storeWords(store) {
	const age = store?.staleness_seconds > 0 ? ` (last confirmed read ${duration(store.staleness_seconds)} ago)` : '';
	return (
		{ current: 'current', stale: `stale${age}`, down: `not reachable${age}`, diverged: 'diverged from what was served' }[store?.state] ??
		'not known'
	);
}

/** All banners; `retry` tries the connection at once, `acceptStore` asks whether to take the store as it is. `update(facts, now)`. */
export function banners({ retry, acceptStore }) {
	const lost = banner({ testid: 'banner-connection', action: 'Try now', run: retry });
	const kept = banner({ testid: 'banner-store', action: 'Accept or restore…', actionTestid: 'store-accept', run: acceptStore });
	return {
		element: h('div.banners', {}, lost.element, kept.element),
		update({ connection, router, who }, now) {
			lost.update(connection.state === 'lost' ? lostWords(connection, now) : null);
			kept.update(storeBanner(router?.store, who), router?.store?.state === 'diverged' && who?.role === 'admin');
		},
	};
}

function lostWords({ why, heardAt, retryAt }, now) {
	const old = heardAt ? ` What you see is from ${timeOfDay(heardAt)}.` : '';
	const next = retryAt > now + 500 ? ` Trying again in ${duration((retryAt - now) / 1000)}.` : ' Trying again.';
	return `Connection lost: ${why}.${old}${next}`;
}

function storeBanner(store, who) {
	if (store?.state === 'stale')
		return `The store has not answered for ${duration(store.staleness_seconds)}. The last good routes keep serving; changes made elsewhere are not seen yet.`;
	if (store?.state === 'down')
		return 'The store cannot be reached. The last good routes keep serving, and pins hold; commands are refused until it answers again.';
	if (store?.state === 'diverged')
		return `The store holds another past than the one served here${store.detail ? `: ${store.detail}` : ''}. The last good routes keep serving and commands are refused until the store is accepted as it is, or restored.${who && who.role !== 'admin' ? ' That needs the role admin.' : ''}`;
	return null;
}
