// Who may come: the names and roles of the token file, never a token. And who is here now.

import { h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';
import { errorLine, pageHead, prose } from '../components/controls.js';

const ROLES = {
	viewer: 'reads, and changes nothing',
	ci: 'releases, within locks and caps',
	operator: 'releases, locks, changes settings',
	admin: 'everything',
};

export function tokensPage({ api, store }) {
	const me = h('p', { testid: 'tokens-me' });
	const error = errorLine('tokens-error');
	const count = h('p.quiet', { role: 'status' });
	const list = h('ul.rows', { testid: 'tokens' });
	let tokens = null;

	async function load() {
		try {
			({ tokens } = await api.tokens());
			setText(count, plural(tokens.length, 'token'));
			keyed(
				list,
				tokens.map((token, at) => ({ ...token, at })),
				({ at }) => at,
				row,
			);
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	return {
		element: h(
			'div',
			{},
			pageHead('Tokens'),
			h('section.panel', {}, h('h2.panel-title', {}, 'You'), me),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'All'), count, error, list),
			h(
				'p.lead',
				{},
				prose(
					'Tokens stand in the router\u2019s token file, one line each: `TOKEN [NAME [viewer|ci|operator|admin]]`. They are kept as digests, so nobody can be shown one.',
				),
			),
		),
		title: 'Tokens',
		update() {
			const { who } = store.facts;
			setText(me, who ? `${who.name}, role ${who.role}: ${ROLES[who.role] ?? ''}.` : 'Asking the router …');
			if (who && who.role !== 'admin') setText(error, `The list needs the role admin; yours is ${who.role}.`);
			else if (who && !tokens) {
				tokens = [];
				load();
			}
		},
	};
}

function row(token) {
	const element = h(
		'li.row',
		{ testid: `token-${token.name}` },
		h('b', {}, token.name),
		h('span', {}, token.role, h('span.quiet', {}, `: ${ROLES[token.role] ?? ''}`)),
	);
	return { element, update() {} };
}
