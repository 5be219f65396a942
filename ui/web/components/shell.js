// The frame around every page: which page it is, whether it is live, who is signed in.

import { h, setAttr, setText } from '../dom.js';
import { duration } from '../format.js';
import { fleetLabel } from '../fleet-words.js';
import { appHref } from '../page-address.js';
import { ICON, nextTheme, theme } from '../theme.js';
import { banners } from './banners.js';
import { button } from './controls.js';

const THEMES = { system: ['◐', 'System'], light: ['☀', 'Light'], dark: ['☾', 'Dark'] };

const LINKS = [
	['#/', 'Apps', 'nav-apps', ['apps', 'app', 'history', 'releases', 'settings', 'previews', 'setup']],
	['#/keyvalues', 'Keyvalues', 'nav-keyvalues', ['keyvalues']],
	['#/fleet', 'Fleet', 'nav-fleet', ['fleet']],
	['#/hooks', 'Hooks', 'nav-hooks', ['hooks']],
	['#/router', 'Router', 'nav-router', ['router']],
	['#/tokens', 'Tokens', 'nav-tokens', ['tokens', 'audit']],
	['#/api', 'API', 'nav-api', ['api']],
];

/** `show(page, route)` shows a page; `update(now)` draws the frame. */
export function shell({ model, signOut, retry, openStoreDialog }) {
	const crumb = h('span.crumb');
	const connection = h('p.connection', { testid: 'connection-state' });
	const who = h('span.who', { testid: 'who' });
	const themeButton = button('', {
		tone: 'small plain',
		testid: 'theme',
		run: () => {
			nextTheme();
			drawTheme();
		},
	});
	const links = LINKS.map(([href, label, testid, pages]) => ({ testid, label, pages, element: h('a', { href, testid }, label) }));
	const bannerBox = banners({ retry, openStoreDialog });
	const main = h('main', { id: 'main' });
	const skip = h(
		'a.skip',
		{
			href: '#main',
			on: {
				click: (event) => {
					event.preventDefault();
					main.querySelector('h1')?.focus();
				},
			},
		},
		'Skip to the content',
	);
	const element = h(
		'div.shell',
		{},
		skip,
		h(
			'header.top',
			{},
			h('a.brand', { href: '#/' }, h('img', { src: ICON, alt: '', width: '24', height: '24' }), 'rolling-router'),
			crumb,
			h(
				'nav.top-nav',
				{ 'aria-label': 'Pages' },
				links.map((link) => link.element),
			),
			connection,
			h('div.top-right', {}, who, themeButton, button('Sign out', { tone: 'small plain', testid: 'sign-out', run: () => signOut() })),
		),
		main,
		bannerBox.element,
	);

	function drawTheme() {
		const [sign, word] = THEMES[theme()];
		themeButton.replaceChildren(sign, h('span.wide-only', {}, `\u00a0${word}`));
		setAttr(themeButton, 'aria-label', `Theme: ${theme()}. Change it.`);
	}
	drawTheme();

	return {
		element,
		show(page, route) {
			main.replaceChildren(page);
			const app = route.params.app;
			crumb.replaceChildren(...(app ? [h('span', { 'aria-hidden': 'true' }, '/'), h('a', { href: appHref(app) }, app)] : []));
			for (const link of links) setAttr(link.element, 'aria-current', link.pages.includes(route.page) ? 'page' : null);
			// On a narrow screen the links are one line that scrolls.
			element.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
		},
		update(now) {
			const { facts } = model;
			const { state, since } = facts.connection;
			setAttr(connection, 'data-state', state);
			setText(
				connection,
				{ live: '● live', connecting: '◌ connecting', paused: '◌ paused', lost: `✕ lost for ${duration((now - since) / 1000)}` }[state],
			);
			setAttr(document.documentElement, 'data-stale', state === 'lost' || state === 'paused' ? '' : null);
			setText(who, facts.who ? `${facts.who.role}: ${facts.who.name}` : '');
			const problems = facts.router?.problems?.length;
			for (const link of links) {
				if (link.testid === 'nav-router') setText(link.element, problems ? `${link.label} ⚠\u00a0${problems}` : link.label);
				if (link.testid === 'nav-fleet') setText(link.element, fleetLabel(facts.fleet));
			}
			bannerBox.update(facts, now);
		},
	};
}
