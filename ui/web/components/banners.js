// Banners for when the page or the router is cut off: from what, since when, what still works, what to do.

import { h } from '../dom.js';
import { duration } from '../format.js';
import { describeLoss, describeSilentRouters, describeStoreTrouble } from '../troubles.js';
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
		action: 'Restore or accept…',
		actionTestid: 'store-accept',
		run: openStoreDialog,
	});
	const fleetBanner = banner({ testid: 'banner-fleet' });
	return {
		element: h('section.banners', { 'aria-label': 'System' }, connectionBanner.element, storeBanner.element, fleetBanner.element),
		update({ connection, router, fleet, who }, now) {
			connectionBanner.update(describeLoss(connection, now));
			fleetBanner.update(describeSilentRouters(fleet));
			const maySettle = router?.store?.state === 'diverged' && who?.role === 'admin';
			storeBanner.update(describeStoreTrouble(router?.store, who), maySettle);
		},
	};
}
