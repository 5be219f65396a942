// Starts the page: signs in, and then runs a session until it ends.

import { signInPage } from './pages/sign-in.js';
import { startSession } from './session.js';
import { applyTheme } from './theme.js';

// In the tab's own storage: it ends with the tab, and the browser never sends it by itself.
const TOKEN = 'rolling-router.token';

const root = document.getElementById('root');

function showSignIn(reason) {
	sessionStorage.removeItem(TOKEN);
	const page = signInPage({
		reason,
		onSignedIn: (token, who) => {
			sessionStorage.setItem(TOKEN, token);
			startSession({ root, token, who, onEnd: showSignIn });
		},
	});
	root.replaceChildren(page.element);
	document.title = 'Sign in · rolling-router';
	page.focus();
}

applyTheme();
const token = sessionStorage.getItem(TOKEN);
if (token) startSession({ root, token, onEnd: showSignIn });
else showSignIn();
