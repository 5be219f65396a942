// The facts of a release: each with its name, those that are addresses as links.

import { h, setShown } from '../dom.js';
import { linkOf } from '../facts.js';

/** `update(facts, links)`: values by name, or nothing; `links` is the setting `fact_links`. */
export function factList() {
	const element = h('p.facts.quiet', { hidden: true });
	let shown = '';
	return {
		element,
		update(facts, links = []) {
			const key = JSON.stringify([facts ?? {}, links]);
			if (key === shown) return;
			shown = key;
			const all = Object.entries(facts ?? {});
			setShown(element, all.length > 0);
			element.replaceChildren(...all.flatMap(([name, value], at) => [at ? ' · ' : '', `${name} `, describe(value, linkOf(name, value, links))]));
		},
	};
}

const describe = (value, address) =>
	address ? h('a', { href: address, rel: 'noreferrer noopener', target: '_blank' }, value) : h('b', {}, value);
