// The names and roles in the token file, never a token; and who is signed in.

import { h, keyed, setText } from '../dom.js';
import { plural } from '../format.js';
import { errorLine, pageHead, prose } from '../components/controls.js';

const FILE_HELP =
	'The router reads its tokens from its token file, one line each: `TOKEN [NAME viewer|ci|operator|admin|router [apps=APP,APP;raw=no]]`. ' +
	'It keeps only their digests, so it cannot show a token to anybody.';

const ROLES = {
	viewer: 'can look, but not change anything',
	ci: 'can release, within locks and limits',
	operator: 'can release, lock and change settings',
	admin: 'can do everything',
	router: 'can use the store of this router, and nothing else',
};

export function tokensPage({ api, model }) {
	const me = h('p', { testid: 'tokens-me' });
	const error = errorLine('tokens-error');
	const count = h('p.quiet', { role: 'status' });
	const list = h('ul.rows', { testid: 'tokens' });
	let tokens = null;

	async function load() {
		try {
			({ tokens } = await api.listTokens());
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
			pageHead('Tokens', h('a', { href: '#/audit', testid: 'open-audit' }, 'What they were used for')),
			h('section.panel', {}, h('h2.panel-title', {}, 'You'), me),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'All'), count, error, list),
			h('p.lead', {}, prose(FILE_HELP)),
		),
		title: 'Tokens',
		update() {
			const { who } = model.facts;
			setText(me, who ? `${who.name}, role ${who.role}: ${ROLES[who.role] ?? ''}.` : 'Loading …');
			if (who && who.role !== 'admin') setText(error, `The list needs the role admin, and your role is ${who.role}.`);
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
