// The facts of a release: each with its name, those that are addresses as links.

import { h, setShown } from '../dom.js';
import { isLink } from '../facts.js';

/** `update(facts)`: values by name, or nothing. */
export function factList() {
	const element = h('p.facts.quiet', { hidden: true });
	let shown = '';
	return {
		element,
		update(facts) {
			const key = JSON.stringify(facts ?? {});
			if (key === shown) return;
			shown = key;
			const all = Object.entries(facts ?? {});
			setShown(element, all.length > 0);
			element.replaceChildren(...all.flatMap(([name, value], at) => [at ? ' · ' : '', `${name} `, describe(value)]));
		},
	};
}

const describe = (value) =>
	isLink(value) ? h('a', { href: value, rel: 'noreferrer noopener', target: '_blank' }, value) : h('b', {}, value);
