// Draws one dashboard from frames.json. The title of the document tells Chromium's caller how it went:
// "drawn", or "failed: …".
import '@fontsource/inter/400.css';
import '@fontsource/inter/500.css';
import '@fontsource/roboto-mono/400.css';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { createTheme, standardTransformers, standardTransformersRegistry, ThemeContext } from '@grafana/data';
import { GlobalStyles } from '@grafana/ui';
import { Board } from './board.jsx';

function fail(error) {
  document.title = `failed: ${error?.stack ?? error}`;
}

class Guard extends React.Component {
  componentDidCatch(error) {
    this.broken = true;
    fail(error);
  }
  render() {
    return this.broken ? null : this.props.children;
  }
}

function registerTransformations() {
  standardTransformersRegistry.setInit(() =>
    ['merge', 'organize'].map((id) => {
      const transformation = Object.values(standardTransformers).find((known) => known.id === id);
      return { id, name: transformation.name, transformation };
    })
  );
}

async function main() {
  registerTransformations();
  const answers = await (await fetch('frames.json')).json();
  const theme = createTheme({ colors: { mode: answers.theme } });
  await document.fonts.load('14px Inter');
  createRoot(document.getElementById('root')).render(
    <Guard>
      <ThemeContext.Provider value={theme}>
        <GlobalStyles />
        <Board answers={answers} theme={theme} onDrawn={() => (document.title = 'drawn')} onError={fail} />
      </ThemeContext.Provider>
    </Guard>
  );
}

window.addEventListener('error', (event) => fail(event.error ?? event.message));
window.addEventListener('unhandledrejection', (event) => fail(event.reason));
main().catch(fail);
