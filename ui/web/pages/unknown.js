// An address that leads nowhere says so.

import { h } from '../dom.js';

export function unknownPage() {
	const element = h(
		'div',
		{ testid: 'unknown-page' },
		h('h1', { tabindex: '-1' }, 'There is no page at this address'),
		h('p', {}, 'It may be mistyped, or from another version. ', h('a', { href: '#/' }, 'Go to the apps'), '.'),
	);
	return { element, title: 'No such page', update() {} };
}
