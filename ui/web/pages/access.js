// Who may use the router: the reader, the browsers that are signed in, the tokens, and what waits for the reader's approval.

import { h, keyed, setShown, setText } from '../dom.js';
import { plural } from '../format.js';
import { appHref } from '../page-address.js';
import { releaseName } from '../release.js';
import { hasApproved, noApprovalReason } from '../approval-words.js';
import { ROLES, describeLimits, describeBrowser } from '../access-words.js';
import { button, errorLine, pageHead, prose } from '../components/controls.js';
import { openFormDialog } from '../components/dialog.js';
import { openTokenDialog } from '../components/token-dialog.js';
import { when } from '../components/when.js';

const FILE_HELP =
	'Every router knows the tokens of the store; those of a token file only the router that has it, with lines such as ' +
	'`TOKEN NAME ROLE`. Only digests are kept, so nobody can see a token again.';

export function accessPage({ api, model, notices }) {
	const me = h('p', { testid: 'tokens-me' });
	const waiting = h('ul.rows', { testid: 'approvals-waiting' });
	const noneWaits = h('p.quiet', { testid: 'approvals-none' }, 'Nothing waits for approval.');
	const sessions = h('ul.rows', { testid: 'sessions' });
	const sessionsError = errorLine('sessions-error');
	const error = errorLine('tokens-error');
	const count = h('p.quiet', { role: 'status', testid: 'tokens-count' });
	const list = h('ul.rows', { testid: 'tokens' });
	const add = button('Make a token…', { tone: 'primary', testid: 'token-add', run: makeToken });

	async function loadSessions() {
		try {
			const { sessions: known } = await api.listSessions();
			keyed(
				sessions,
				known.sort((one, other) => Number(other.current) - Number(one.current) || other.used_at - one.used_at),
				({ id }) => id,
				(session) => sessionRow(session, endSession),
			);
			setText(sessionsError, '');
		} catch (refusal) {
			setText(sessionsError, refusal.message);
		}
	}

	async function loadTokens() {
		try {
			const { tokens } = await api.listTokens();
			setText(count, plural(tokens.length, 'token'));
			keyed(
				list,
				tokens,
				({ name, source }) => `${source} ${name}`,
				(token) => tokenRow(token, revoke),
			);
			setText(error, '');
		} catch (refusal) {
			setText(error, refusal.message);
		}
	}

	function makeToken() {
		openTokenDialog({ api, notices, apps: model.apps().map(({ app }) => app), done: loadTokens });
	}

	async function endSession(session) {
		try {
			await api.endSession(session.id);
			notices.post({ text: `That browser of ${session.name} is signed out.`, tone: 'done' });
			await loadSessions();
		} catch (refusal) {
			setText(sessionsError, refusal.message);
		}
	}

	function revoke(token) {
		openFormDialog({
			stem: 'revoke',
			title: `Take back the token ${token.name}?`,
			content: h('p', {}, 'Every router refuses it within a second, and browsers that are signed in with it are signed out.'),
			submit: 'Take it back',
			send: () => api.revokeToken(token.name),
			done: async () => {
				notices.post({ text: `The token ${token.name} is taken back.`, tone: 'done' });
				await Promise.all([loadTokens(), loadSessions()]);
			},
		});
	}

	loadSessions();
	if (model.facts.who?.role === 'admin') loadTokens();
	return {
		element: h(
			'div',
			{},
			pageHead('Access', h('a', { href: '#/audit', testid: 'open-audit' }, 'Who changed what: the audit')),
			h('section.panel', {}, h('h2.panel-title', {}, 'You'), me),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'Approvals waiting'), noneWaits, waiting),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'Browsers that are signed in'), sessionsError, sessions),
			h('section.panel.below', {}, h('h2.panel-title', {}, 'Tokens'), count, error, list, h('div.action-buttons', {}, add)),
			h('p.lead', {}, prose(FILE_HELP)),
		),
		title: 'Access',
		update() {
			const { who } = model.facts;
			if (!who) return;
			setText(me, `${who.name}, role ${who.role}: ${ROLES[who.role] ?? ''}.${describeLimits(who, 'You are limited to: ')}`);
			const due = model.apps().filter(({ candidate }) => candidate?.approvals?.missing > 0);
			keyed(
				waiting,
				due.map((state) => ({ ...state, who })),
				({ app }) => app,
				approvalRow,
			);
			setShown(noneWaits, due.length === 0);
			const isAdmin = who.role === 'admin';
			setShown(add, isAdmin);
			if (!isAdmin) setText(error, `The list needs the role admin, and your role is ${who.role}.`);
		},
	};
}

function approvalRow() {
	const link = h('a');
	const text = h('span');
	return {
		element: h('li.row', {}, h('b', {}, link), text),
		update(state) {
			const { app, candidate, who } = state;
			link.href = appHref(app);
			setText(link, app);
			const given = candidate.approvals.given.length;
			const count = `${releaseName(candidate)} has ${given} of ${candidate.approvals.needed} approvals`;
			const reason = noApprovalReason(state, who);
			const own = hasApproved(state, who) ? 'you have approved it' : reason ? `not by you: ${reason}` : 'yours counts';
			setText(text, `${count}; ${own}.`);
		},
	};
}

function sessionRow(session, end) {
	const used = when();
	const ends = when({ future: true });
	const name = h('b', {}, session.name);
	const place = h('span', {}, `${describeBrowser(session.browser)}, from ${session.client}`, session.current ? h('b', {}, ' (this browser)') : null);
	const element = h(
		'li.row.access-row',
		{ testid: `session-${session.current ? 'current' : session.id}` },
		name,
		place,
		session.current
			? null
			: button('Sign it out', {
					tone: 'small',
					testid: `session-end-${session.id}`,
					run: () => end(session),
				}),
		h('span.quiet.full-row', {}, 'used ', used.element, '; ends ', ends.element),
	);
	return {
		element,
		update(now) {
			used.update(now.used_at);
			ends.update(Math.min(now.ends_at, now.idle_ends_at));
		},
	};
}

function tokenRow(token, revoke) {
	const used = when();
	const ends = when({ future: true });
	const isStored = token.source === 'store';
	const element = h(
		'li.row.access-row',
		{ testid: `token-${token.name}` },
		h('b', {}, token.name),
		h('span', {}, token.role, h('span.quiet', {}, `: ${ROLES[token.role] ?? ''}.${describeLimits(token, 'Limited to: ')}`)),
		isStored
			? button('Take back…', {
					tone: 'small',
					testid: `token-revoke-${token.name}`,
					run: () => revoke(token),
				})
			: null,
		h(
			'span.quiet.full-row',
			{},
			isStored ? `in the store${token.by ? `, by ${token.by}` : ''}` : 'in this router’s token file or environment',
			token.used_at ? ['; used ', used.element] : '; not used yet',
			token.ends_at ? [token.ended ? '; ended' : '; ends ', token.ended ? '' : ends.element] : null,
		),
	);
	return {
		element,
		update(now) {
			used.update(now.used_at);
			ends.update(now.ends_at);
		},
	};
}
