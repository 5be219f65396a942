// The pages of one app, at the same place on each of them.

import { h } from '../dom.js';
import { appHref } from '../page-address.js';

const PAGES = [
	['', 'Overview', 'open-app'],
	['releases', 'Releases', 'open-releases'],
	['history', 'History', 'open-history'],
	['plans', 'Plans', 'open-plans'],
	['shadow', 'Shadow', 'open-shadow'],
	['deployments', 'Deployments', 'open-deployments'],
	['previews', 'Previews', 'open-previews'],
	['settings', 'Settings', 'open-settings'],
];

/** `here` is the page that is shown, as in the address; '' is the overview. */
export function appLinks(app, here) {
	return h(
		'nav.page-links',
		{ 'aria-label': `Pages of ${app}` },
		PAGES.map(([page, label, testid]) =>
			h('a', { href: appHref(app, page), 'aria-current': page === here ? 'page' : null, testid }, label),
		),
	);
}
