// The pages by their names in addresses. What a first visit opens comes with the rest; any other page is fetched when it is first opened.

import { appPage } from './pages/app.js';
import { appsPage } from './pages/apps.js';
import { unknownPage } from './pages/unknown.js';

const FETCHED = new Map([
	['app', appPage],
	['apps', appsPage],
	['unknown', unknownPage],
]);

const FETCH = {
	history: async () => (await import('./pages/history.js')).historyPage,
	releases: async () => (await import('./pages/releases.js')).releasesPage,
	shadow: async () => (await import('./pages/shadow.js')).shadowPage,
	settings: async () => (await import('./pages/settings.js')).settingsPage,
	setup: async () => (await import('./pages/setup.js')).setupPage,
	keyvalues: async () => (await import('./pages/keyvalues.js')).keyvaluesPage,
	previews: async () => (await import('./pages/previews.js')).previewsPage,
	plans: async () => (await import('./pages/plans.js')).plansPage,
	store: async () => (await import('./pages/store.js')).storePage,
	deployments: async () => (await import('./pages/deployments.js')).deploymentsPage,
	fleet: async () => (await import('./pages/fleet.js')).fleetPage,
	hooks: async () => (await import('./pages/hooks.js')).hooksPage,
	router: async () => (await import('./pages/router.js')).routerPage,
	tokens: async () => (await import('./pages/access.js')).accessPage,
	certificates: async () => (await import('./pages/certificates.js')).certificatesPage,
	audit: async () => (await import('./pages/audit.js')).auditPage,
	api: async () => (await import('./pages/api.js')).apiPage,
};

/** What makes the page of this name; none before it was fetched. */
export const pageOf = (name) => FETCHED.get(name);

/** Fetches a page. A browser that could not fetch it does not try again before the document is loaded anew. */
export async function fetchPage(name) {
	FETCHED.set(name, await FETCH[name]());
}
