// The frame around every page: which page it is, whether it is live, who is signed in.

import { h, setAttr, setShown, setText } from '../dom.js';
import { duration } from '../format.js';
import { fleetLabel } from '../fleet-words.js';
import { appHref } from '../page-address.js';
import { ICON, nextTheme, theme } from '../theme.js';
import { banners } from './banners.js';
import { button } from './controls.js';

const THEMES = { system: ['◐', 'System'], light: ['☀', 'Light'], dark: ['☾', 'Dark'] };

// The menu: four sections, at fixed places. A section with several pages lists them in the line below.
const SECTIONS = [
	['#/', 'Apps', 'nav-apps', ['apps', 'app', 'history', 'releases', 'shadow', 'settings', 'previews', 'plans', 'deployments', 'setup'], []],
	[
		'#/fleet',
		'Fleet',
		'nav-fleet',
		[],
		[
			['#/fleet', 'Routers', 'nav-routers', ['fleet']],
			['#/store', 'Store', 'nav-store', ['store']],
			['#/keyvalues', 'Keyvalues', 'nav-keyvalues', ['keyvalues']],
		],
	],
	[
		'#/router',
		'Settings',
		'nav-settings',
		[],
		[
			['#/router', 'This router', 'nav-router', ['router']],
			['#/hooks', 'Hooks', 'nav-hooks', ['hooks']],
			['#/tokens', 'Access', 'nav-tokens', ['tokens', 'audit']],
			['#/certificates', 'Certificates', 'nav-certificates', ['certificates']],
		],
	],
	['#/api', 'Help', 'nav-help', [], [['#/api', 'API', 'nav-api', ['api']]]],
];

/** `show(page, route)` shows a page; `update(now)` draws the frame. */
export function shell({ model, signOut, retry, openStoreDialog }) {
	const crumb = h('nav.crumb', { 'aria-label': 'Where this page is' });
	const connection = h('p.connection', { testid: 'connection-state' });
	const who = h('span.who', { testid: 'who' });
	const signOutButton = button('Sign out', { tone: 'small plain', testid: 'sign-out', run: () => signOut() });
	const themeButton = button('', {
		tone: 'small plain',
		testid: 'theme',
		run: () => {
			nextTheme();
			drawTheme();
		},
	});
	const link = ([href, label, testid, pages]) => ({ testid, label, pages, element: h('a', { href, testid }, label) });
	const sections = SECTIONS.map(([href, label, testid, own, below]) => {
		const links = below.map(link);
		return { ...link([href, label, testid, [...own, ...links.flatMap(({ pages }) => pages)]]), links };
	});
	const links = sections.flatMap((section) => [section, ...section.links]);
	const below = h('nav.sub-nav', { 'aria-label': 'Pages of this section' });
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
			h(
				'nav.top-nav',
				{ 'aria-label': 'Sections' },
				sections.map((section) => section.element),
			),
			connection,
			h('div.top-right', {}, who, themeButton, signOutButton),
		),
		bannerBox.element,
		h('div.below-top', {}, crumb, below),
		main,
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
			crumb.replaceChildren(...(app ? crumbs(app, route.page) : []));
			for (const each of links) setAttr(each.element, 'aria-current', each.pages.includes(route.page) ? 'page' : null);
			const section = sections.find(({ pages }) => pages.includes(route.page));
			below.replaceChildren(...(section?.links.length > 1 ? section.links.map(({ element: each }) => each) : []));
			setShown(below, below.children.length > 0);
			// On a narrow screen the links are one line that scrolls.
			element.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
		},
		update(now) {
			const { facts } = model;
			const { state, since } = facts.connection;
			setAttr(connection, 'data-state', state);
			setText(
				connection,
				{
					live: '● live',
					connecting: '◌ connecting',
					paused: '◌ paused',
					late: `◌ silent for ${duration((now - facts.connection.heardAt) / 1000)}`,
					lost: `✕ lost for ${duration((now - since) / 1000)}`,
				}[state],
			);
			setAttr(document.documentElement, 'data-stale', ['lost', 'late', 'paused'].includes(state) ? '' : null);
			// Whom a proxy has signed in, it signs out.
			setShown(signOutButton, facts.who?.source !== 'proxy');
			setText(who, facts.who ? `${facts.who.role}: ${facts.who.name}` : '');
			const problems = facts.router?.problems?.length;
			for (const each of links) {
				const isMarked = ['nav-router', 'nav-settings'].includes(each.testid);
				if (isMarked) setText(each.element, problems ? `${each.label} ⚠\u00a0${problems}` : each.label);
				if (each.testid === 'nav-fleet') setText(each.element, fleetLabel(facts.fleet));
			}
			bannerBox.update(facts, now);
		},
	};
}

// `Apps / hello / Releases`.
function crumbs(app, page) {
	const slash = () => h('span', { 'aria-hidden': 'true' }, '/');
	const below = page === 'app' ? [] : [slash(), h('span', {}, page.charAt(0).toUpperCase() + page.slice(1))];
	return [h('a', { href: '#/' }, 'Apps'), slash(), h('a', { href: appHref(app) }, app), ...below];
}
