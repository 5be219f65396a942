// Banners for when the page or the router is cut off: from what, since when, what still works, what to do.

import { h } from '../dom.js';
import { duration, timeOfDay } from '../format.js';
import { banner } from './notices.js';

/** The state of the store in words. */
export function describeStore(store) {
	const age = store?.staleness_seconds > 0 ? ` (last confirmed read ${duration(store.staleness_seconds)} ago)` : '';
	const words = {
		current: 'current',
		stale: `stale${age}`,
		down: `cannot be reached${age}`,
		diverged: 'its history is not the one that is served here',
	};
	return words[store?.state] ?? 'unknown';
}

/** All banners. `retry` tries the connection at once; `openStoreDialog` asks what to do about a store with another history. */
export function banners({ retry, openStoreDialog }) {
	const connectionBanner = banner({ testid: 'banner-connection', action: 'Try now', run: retry });
	const storeBanner = banner({
		testid: 'banner-store',
		action: 'Accept or restore…',
		actionTestid: 'store-accept',
		run: openStoreDialog,
	});
	return {
		element: h('div.banners', {}, connectionBanner.element, storeBanner.element),
		update({ connection, router, who }, now) {
			connectionBanner.update(connection.state === 'lost' ? describeLoss(connection, now) : null);
			const maySettle = router?.store?.state === 'diverged' && who?.role === 'admin';
			storeBanner.update(describeStoreTrouble(router?.store, who), maySettle);
		},
	};
}

function describeLoss({ reason, heardAt, retryAt }, now) {
	const age = heardAt ? ` What you see is from ${timeOfDay(heardAt)}.` : '';
	const next = retryAt > now + 500 ? ` Trying again in ${duration((retryAt - now) / 1000)}.` : ' Trying again.';
	return `Connection lost: ${reason}.${age}${next}`;
}

function describeStoreTrouble(store, who) {
	if (store?.state === 'stale') {
		const silence = duration(store.staleness_seconds);
		return `The store has not answered for ${silence}. The last good routing table keeps serving. Changes made elsewhere are not seen yet.`;
	}
	if (store?.state === 'down') {
		return 'The store cannot be reached. The last good routing table keeps serving and pins hold. Commands are refused until the store answers again.';
	}
	if (store?.state === 'diverged') {
		const detail = store.detail ? `: ${store.detail}` : '';
		const settle = who && who.role !== 'admin' ? 'an admin accepts or restores the store' : 'the store is accepted or restored';
		const effect = `The last good routing table keeps serving. Commands are refused until ${settle}.`;
		return `The history in the store is not the one that is served here${detail}. ${effect}`;
	}
	return null;
}
